/* ui/screen/screens.h - the screens that show the repository, and the commands of their keys. */
#ifndef ATTICSCOPE_SCREENS_H
#define ATTICSCOPE_SCREENS_H

struct app;
struct call;
struct screen_ops;

extern const struct screen_ops overview_screen, segments_screen, entries_screen, index_screen,
	hints_screen, problems_screen, key_screen, hex_screen, entry_screen;

/* What the value of a row of the key table means. */
enum { SEGMENTS_NEXT_COLUMN, SEGMENTS_REVERSE };
enum { HEX_NEXT_ENTRY, HEX_PREVIOUS_ENTRY };

void segments_sort(struct app *app, const struct call *call);
void segments_filter(struct app *app, const struct call *call);
void hints_filter(struct app *app, const struct call *call);
void index_toggle_all(struct app *app, const struct call *call);
void hex_move_entry(struct app *app, const struct call *call);

#endif
