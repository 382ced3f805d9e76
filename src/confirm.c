#include "build-config.h"

#include "src/confirm.h"

#include "src/interrupt.h"
#include "src/message.h"
#include "src/out_text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool confirm_is_wanted(const struct request *request)
{
	return !request->options.yes && !request->options.dry_run;
}

bool confirm_is_possible(const struct request *request, const char *name)
{
	if (!confirm_is_wanted(request))
		return true;
	if (!request->out.json && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
		return true;
	message("%s changes the repository and asks first; it can only ask on a terminal%s",
		name, request->out.json ? " and without --json" : "");
	message("add --dry-run to see what it would do, or --yes to do it without asking");
	return false;
}

bool confirm_ask(struct request *request, const char *word)
{
	char answer[64];
	text_blank_line(&request->out);
	fprintf(request->out.stream, "Type %s to do it; anything else cancels: ", word);
	fflush(request->out.stream);
	const bool answered = !interrupt_came() && fgets(answer, sizeof(answer), stdin);
	if (!answered)
		text_blank_line(&request->out);
	else
		answer[strcspn(answer, "\n")] = '\0';
	if (answered && strcmp(answer, word) == 0)
		return true;
	message("cancelled: nothing was changed");
	return false;
}
