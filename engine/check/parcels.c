#include "build-config.h"

#include "check/parcels.h"

#include <stdlib.h>

void parcels_init(struct parcels *parcels)
{
	*parcels = (struct parcels){ .first = NULL };
	pthread_mutex_init(&parcels->mutex, NULL);
	pthread_cond_init(&parcels->given, NULL);
	pthread_cond_init(&parcels->finished, NULL);
}

void parcels_destroy(struct parcels *parcels)
{
	pthread_mutex_destroy(&parcels->mutex);
	pthread_cond_destroy(&parcels->given);
	pthread_cond_destroy(&parcels->finished);
}

void parcels_begin_reading(struct parcels *parcels)
{
	pthread_mutex_lock(&parcels->mutex);
	parcels->readers++;
	pthread_mutex_unlock(&parcels->mutex);
}

void parcels_begin_helping(struct parcels *parcels)
{
	pthread_mutex_lock(&parcels->mutex);
	parcels->readers--;
	parcels->helpers++;
	if (parcels->readers == 0)
		pthread_cond_broadcast(&parcels->given);
	pthread_mutex_unlock(&parcels->mutex);
}

bool parcels_give(struct parcels *parcels, struct parcel *parcel)
{
	pthread_mutex_lock(&parcels->mutex);
	const bool is_given = parcels->helpers > 0 && parcels->waiting < PARCELS_WAITING;
	if (is_given) {
		parcel->next = NULL;
		*(parcels->first ? &parcels->last->next : &parcels->first) = parcel;
		parcels->last = parcel;
		parcels->waiting++;
		parcel->account->open++;
		pthread_cond_signal(&parcels->given);
	}
	pthread_mutex_unlock(&parcels->mutex);
	return is_given;
}

struct parcel *parcels_take(struct parcels *parcels)
{
	pthread_mutex_lock(&parcels->mutex);
	while (!parcels->first && parcels->readers > 0)
		pthread_cond_wait(&parcels->given, &parcels->mutex);
	struct parcel *parcel = parcels->first;
	if (parcel) {
		parcels->first = parcel->next;
		parcels->waiting--;
	} else {
		parcels->helpers--;
	}
	pthread_mutex_unlock(&parcels->mutex);
	return parcel;
}

void parcels_finish(struct parcels *parcels, struct parcel *parcel, uint32_t live,
		    uint64_t live_bytes, enum as_err err)
{
	struct parcel_account *account = parcel->account;
	free(parcel);
	pthread_mutex_lock(&parcels->mutex);
	account->live += live;
	account->live_bytes += live_bytes;
	if (account->err == AS_OK)
		account->err = err;
	account->open--;
	if (account->open == 0)
		pthread_cond_broadcast(&parcels->finished);
	pthread_mutex_unlock(&parcels->mutex);
}

struct parcel_account parcels_collect(struct parcels *parcels, struct parcel_account *account)
{
	pthread_mutex_lock(&parcels->mutex);
	while (account->open > 0)
		pthread_cond_wait(&parcels->finished, &parcels->mutex);
	const struct parcel_account collected = *account;
	*account = (struct parcel_account){ .open = 0 };
	pthread_mutex_unlock(&parcels->mutex);
	return collected;
}
