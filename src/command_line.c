#include "build-config.h"

#include "src/command_line.h"

#include "src/command.h"
#include "src/message.h"

#include "engine/base/nearest.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define LONG_ONLY 256		/* getopt's value of an option without a letter: this and its row */

/* What getopt_long needs, made from the table. */
struct grammar {
	char letters[2 + 2 * OPTION_COUNT + 1];
	struct option names[OPTION_COUNT + 1];
};

static void build_grammar(struct grammar *grammar)
{
	char *p = grammar->letters;
	*p++ = '-';	/* return arguments where they stand, whatever POSIXLY_CORRECT says */
	*p++ = ':';	/* and print no messages */
	for (int i = 0; i < OPTION_COUNT; i++) {
		const struct option_row *row = &option_table[i];
		grammar->names[i] = (struct option){
			.name = row->name, .has_arg = row->argument != NULL, .val = LONG_ONLY + i
		};
		if (!row->letter)
			continue;
		*p++ = (char)row->letter;
		if (row->argument)
			*p++ = ':';
	}
	*p = '\0';
	grammar->names[OPTION_COUNT] = (struct option){ NULL, 0, NULL, 0 };
}

/* Add an argument. The first one may be the name of a command. */
static void add_argument(struct request *request, char *argument)
{
	if (!request->command) {
		request->command = command_find(argument);
		if (request->command)
			return;
		request->command = command_table;
	}
	request->args[request->arg_count++] = argument;
}

/* The option that @word, "--name" or "--name=argument", may be meant for, or NULL. */
static const char *nearest_option(const char *word)
{
	const size_t len = strcspn(word, "=");
	struct nearest nearest = nearest_to(word + 2, len > 2 ? len - 2 : 0);
	for (int i = 0; i < OPTION_COUNT; i++)
		nearest_try(&nearest, option_table[i].name);
	return nearest.best;
}

static void refuse_unknown(const char *word)
{
	const char *nearest = nearest_option(word);
	if (nearest)
		message("unknown or ambiguous option '%s'; did you mean '--%s'?", word, nearest);
	else
		message("unknown or ambiguous option '%s'", word);
}

static bool refuse_option(int value, char **argv)
{
	const char *word = argv[optind - 1];
	if (value == ':')
		message("option '%s' needs an argument", word);
	else if (optopt >= LONG_ONLY)
		message("option '%s' takes no argument", word);
	else if (optopt == 0)
		refuse_unknown(word);
	else
		message("unknown option '-%c'", optopt);
	return false;
}

/* Read the options into request->options, and set a bit in *@given for each. */
static bool parse_words(int argc, char **argv, struct request *request, uint64_t *given)
{
	struct grammar grammar;
	int value;
	build_grammar(&grammar);
	opterr = 0;
	while ((value = getopt_long(argc, argv, grammar.letters, grammar.names, NULL)) != -1) {
		if (value == 1) {
			add_argument(request, optarg);
			continue;
		}
		if (value == '?' || value == ':')
			return refuse_option(value, argv);
		int i = value >= LONG_ONLY ? value - LONG_ONLY : 0;
		while (value < LONG_ONLY && option_table[i].letter != value)
			i++;
		if (!option_set(&option_table[i], &request->options, optarg)) {
			message("'%s' is not a valid argument for --%s", optarg,
				option_table[i].name);
			return false;
		}
		*given |= UINT64_C(1) << i;
	}
	while (optind < argc)
		add_argument(request, argv[optind++]);
	return true;
}

static bool check_options(const struct request *request, uint64_t given)
{
	const struct command *command = request->command;
	const uint64_t foreign = given & ~command->options;
	for (int i = 0; i < OPTION_COUNT; i++) {
		if (!(foreign >> i & 1))
			continue;
		if (command->name)
			message("%s does not take the option --%s", command->name,
				option_table[i].name);
		else
			message("option --%s needs a command", option_table[i].name);
		return false;
	}
	return true;
}

static bool check_arguments(const struct request *request)
{
	const struct command *command = request->command;
	if (request->arg_count >= command->min_args && request->arg_count <= command->max_args)
		return true;
	const bool too_many = request->arg_count > command->max_args;
	const char *nearest = too_many && !command->name ? command_nearest(request->args[0]) : NULL;
	if (command->name && too_many)
		message("%s: one argument too many: '%s'", command->name,
			request->args[command->max_args]);
	else if (command->name)
		message("%s needs %s", command->name, command->arguments);
	else if (nearest)
		message("there is no command '%s'; did you mean '%s'?", request->args[0], nearest);
	else if (too_many)
		message("there is no command '%s'", request->args[0]);
	else
		message("name a repository, or a command and a repository");
	return false;
}

bool options_parse(int argc, char **argv, struct request *request)
{
	uint64_t given = 0;
	*request = (struct request){ .args = calloc((size_t)argc + 1, sizeof(*request->args)) };
	if (!request->args) {
		message_failure(AS_ERR_MEMORY, NULL);
		return false;
	}
	if (parse_words(argc, argv, request, &given)) {
		if (!request->command)
			request->command = command_table;
		if (request->options.help || request->options.version)
			return true;
		if (check_options(request, given) && check_arguments(request))
			return true;
	}
	const char *name = request->command ? request->command->name : NULL;
	message("see 'atticscope help%s%s'", name ? " " : "", name ? name : "");
	return false;
}
