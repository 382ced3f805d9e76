/* ui/frame.h - what surrounds every screen: the top line, the tabs, the bottom line. */
#ifndef ATTICSCOPE_FRAME_H
#define ATTICSCOPE_FRAME_H

struct app;

/* Lay out and draw the whole screen. Nothing is shown before term_show. */
void frame_draw(struct app *app);

/* The key of the screen whose tab is at column @x of the tab line, or 0. For the mouse. */
int frame_tab_at(struct app *app, int x);

#define FRAME_TAB_LINE 1

#endif
