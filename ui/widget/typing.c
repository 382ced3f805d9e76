#include "build-config.h"

#include "widget/typing.h"

#define NCURSES_NOMACROS
#include <curses.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <wctype.h>

void typing_set(struct typing *typing, const char *text)
{
	snprintf(typing->text, sizeof(typing->text), "%s", text);
	typing->len = strlen(typing->text);
}

bool typing_input(struct typing *typing, const struct input *input)
{
	char bytes[MB_LEN_MAX];
	mbstate_t state;
	switch (input->key) {
	case KEY_BACKSPACE:
	case RUBOUT:
	case CONTROL('h'):
		/* A character may be several bytes long. */
		while (typing->len > 0 &&
		       ((unsigned char)typing->text[typing->len - 1] & 0xc0) == 0x80)
			typing->len--;
		typing->len -= typing->len > 0;
		typing->text[typing->len] = '\0';
		return true;
	case CONTROL('u'):
		typing_set(typing, "");
		return true;
	case CONTROL('w'):
		while (typing->len > 0 && typing->text[typing->len - 1] == ' ')
			typing->len--;
		while (typing->len > 0 && typing->text[typing->len - 1] != ' ')
			typing->len--;
		typing->text[typing->len] = '\0';
		return true;
	}
	if (!iswprint((wint_t)input->character) || wcwidth(input->character) < 1)
		return input->character != 0;
	memset(&state, 0, sizeof(state));
	const size_t n = wcrtomb(bytes, input->character, &state);
	if (n != (size_t)-1 && typing->len + n < sizeof(typing->text)) {
		memcpy(typing->text + typing->len, bytes, n);
		typing->len += n;
		typing->text[typing->len] = '\0';
	}
	return true;
}

bool typing_is(const struct typing *typing, const char *word)
{
	const char *text = typing->text + strspn(typing->text, " ");
	const size_t len = strlen(word);
	return strncmp(text, word, len) == 0 && text[len + strspn(text + len, " ")] == '\0';
}

int typing_draw(const struct typing *typing, const char *before, int y, int x, int width)
{
	char line[TYPED_MAX + 80];
	snprintf(line, sizeof(line), "%.79s%s", before, typing->text);
	const char *shown = term_tail(line, width - 1);
	term_put(y, x, width, STYLE_NORMAL, shown);
	const int used = term_width(shown);
	term_caret(y, x + used);
	return used;
}
