#include "build-config.h"

#include "ui/keys.h"
#include "ui/ui.h"

#include <stdio.h>

/* The views by name, or those left out where they are fewer. */
static void name_views(const struct key_row *row, char *out, size_t size)
{
	unsigned count = 0;
	for (unsigned kind = 0; kind < SCREEN_KINDS; kind++)
		count += row->screens >> kind & 1;
	const bool by_exception = count > SCREEN_KINDS / 2;
	const unsigned named = by_exception ? ~row->screens : row->screens;
	size_t len = 0;
	out[0] = '\0';
	for (unsigned kind = 0; kind < SCREEN_KINDS; kind++)
		if (named >> kind & 1 && len < size)
			len += (size_t)snprintf(out + len, size - len, "%s%s",
						len ? ", " : by_exception ? "not " : "",
						screen_table[kind]->title);
}

bool ui_key_at(size_t index, struct ui_key *key)
{
	for (size_t i = 0; i < key_count; i++) {
		const struct key_row *row = &key_table[i];
		if (index-- > 0)
			continue;
		*key = (struct ui_key){
			.label = row->label, .name = row->name, .argument = row->argument,
			.help = row->help,
		};
		name_views(row, key->views, sizeof(key->views));
		return true;
	}
	return false;
}
