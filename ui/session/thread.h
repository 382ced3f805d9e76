/* ui/session/thread.h - threads that receive no signals. */
#ifndef ATTICSCOPE_THREAD_H
#define ATTICSCOPE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* pthread_create with every signal blocked in the new thread, so that signals reach the main
 * thread. */
bool thread_start(pthread_t *thread, void *(*run)(void *), void *context);

/* Add one to the eventfd @wake: the main loop returns from poll. */
void wake_up(int wake);

#endif
