#include "build-config.h"

#include "ui/screen_table.h"

#include "app/action_log.h"
#include "repair/plan_screen.h"
#include "repair/run.h"
#include "repair/undo_screen.h"
#include "screen/screens.h"
#include "ui/help.h"

/* In the order of the line of tabs. */
const struct screen_ops *const screen_table[SCREEN_KINDS] = {
	[SCREEN_OVERVIEW] = &overview_screen,
	[SCREEN_SEGMENTS] = &segments_screen,
	[SCREEN_ENTRIES] = &entries_screen,
	[SCREEN_INDEX] = &index_screen,
	[SCREEN_HINTS] = &hints_screen,
	[SCREEN_PROBLEMS] = &problems_screen,
	[SCREEN_KEY] = &key_screen,
	[SCREEN_HEX] = &hex_screen,
	[SCREEN_ENTRY] = &entry_screen,
	[SCREEN_HELP] = &help_screen,
	[SCREEN_PLAN] = &plan_screen,
	[SCREEN_REPORT] = &report_screen,
	[SCREEN_LOG] = &log_screen,
	[SCREEN_UNDOS] = &undos_screen,
};
