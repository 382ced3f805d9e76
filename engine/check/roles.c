#include "build-config.h"

#include "base/array.h"
#include "check/check_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Misfits that are looked into; of more than that the index is at fault, not the files. */
#define MISFITS_MAX 64u

/* The highest segment that index or hints know. What lies above is newer than they are, and they
 * say nothing about it. */
static uint32_t last_known(struct verify_run *run)
{
	const struct verify *verify = run->verify;
	const struct hints *hints = &run->repo->hints;
	verify_find_index_last(run);
	const uint32_t last = verify->index_last;
	return hints->usable && hints_last(hints) > last ? hints_last(hints) : last;
}

/* ---- files that do not fit the index ---- */

/* A segment in which nothing stands where the index leads. */
struct misfit {
	uint32_t number;
	size_t position;		/* of the file that bears the number, or LISTING_NONE */
	size_t found;			/* of the file that is the segment, or LISTING_NONE */
	struct segment_witness *rows;	/* what the index places in it */
	size_t count, capacity;
};

struct matching {
	struct verify_run *run;
	struct verify *verify;
	const struct repo *repo;
	uint32_t *mapped;		/* of each file: keys that the index maps into it */
	struct misfit misfits[MISFITS_MAX];
	size_t count;
	bool is_too_many;
	bool has_tail;			/* files above the end of the log */
	/* Every repository has a manifest, often in the same place: that it fits says nothing. */
	int64_t manifest_segment;	/* where the index has it, confirmed, or -1 */
};

static struct misfit *find_misfit(struct matching *m, uint32_t number)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->misfits[i].number == number)
			return &m->misfits[i];
	return NULL;
}

/* Does the mapping of @bucket lead into damage of the right file: one that has another object in
 * its place, or a damaged entry with the bucket's key? */
static bool is_damaged_there(const struct verify *verify, const struct index_bucket *bucket,
			     const struct segment_facts *facts)
{
	const struct verify_damage *damage =
		verify_damage_from(verify, bucket->segment, bucket->offset);
	uint8_t cause;
	if (damage && damage->has_key && verify_keys_are_near(damage->key, bucket->key))
		return true;
	return facts->live > 0 &&
	       verify_damage_at(verify, bucket->segment, bucket->offset, &cause);
}

/* Does more than one object stand in the file where the index leads, or one, and the hints count
 * what is there and not what the index adds? Then it is the segment. */
static bool is_itself(const struct verify *verify, const struct segment_facts *facts)
{
	const struct hints *hints = &verify->repo->hints;
	return facts->live > 1 ||
	       (facts->live == 1 && hints->usable &&
		hints->transaction == verify->index.transaction &&
		verify_hinted(verify, facts->number) == (int64_t)facts->held &&
		!verify_hints_like_index(verify, facts));
}

/* Collect the misfits among the segments that unconfirmed mappings lead to. */
static enum as_err add_misfit(void *context, const struct index_bucket *bucket)
{
	struct matching *m = context;
	const size_t position = listing_find(&m->repo->listing, bucket->segment);
	const struct segment_facts *facts = position == LISTING_NONE ? NULL
								     : &m->verify->facts[position];
	struct misfit *misfit = find_misfit(m, bucket->segment);
	/* Above the end there is none but one whose file bears another's number. */
	const bool is_impossible = bucket->offset < SEGMENT_MAGIC_SIZE ||
				   bucket->segment > m->verify->index.transaction ||
				   (bucket->segment > m->verify->end && m->has_tail);
	if (m->is_too_many || is_impossible ||
	    (facts && (is_itself(m->verify, facts) || facts->is_unopened ||
		       !facts->is_committed || is_damaged_there(m->verify, bucket, facts))))
		return AS_OK;
	if (!misfit && m->count == MISFITS_MAX) {
		m->is_too_many = true;
		return AS_OK;
	}
	if (!misfit) {
		misfit = &m->misfits[m->count++];
		*misfit = (struct misfit){
			.number = bucket->segment, .position = position, .found = LISTING_NONE,
		};
	}
	if (!ARRAY_RESERVE(misfit->rows, misfit->count, misfit->capacity))
		return AS_ERR_MEMORY;
	struct segment_witness *row = &misfit->rows[misfit->count++];
	row->offset = bucket->offset;
	memcpy(row->key, bucket->key, KEY_SIZE);
	return AS_OK;
}

/* Does what the index places in @misfit stand in the file at @position, four in five of it? Half of
 * it, where the file is damaged. Where it places several, a damaged entry with the key of one
 * counts too, and what would lie after the end of a file that was cut speaks neither way. Where two
 * stand there, all others may have changed their places in the file. */
static enum as_err try_file(const struct matching *m, const struct misfit *misfit, size_t position,
			    bool *fits)
{
	char path[LISTING_PATH_MAX];
	struct segment_entry entry;
	const struct segment_facts *facts = &m->verify->facts[position];
	const size_t least = facts->damaged > 0 ? 2 : 5;
	const bool is_cut = facts->is_cut || (facts->damaged > 0 && !facts->is_complete);
	size_t there = 0, moved = 0, cut = 0;
	struct replay_event event;
	*fits = false;
	listing_path(&m->repo->listing, position, path);
	for (size_t i = 0; i < misfit->count; i++) {
		const struct segment_witness *row = &misfit->rows[i];
		const enum as_err err = segment_read_entry(m->repo->io, m->repo->fd, path,
							   row->offset, &entry, NULL);
		if (err == AS_ERR_MEMORY)
			return err;
		const struct verify_damage *damage =
			verify_damage_from(m->verify, facts->number, row->offset);
		const bool is_named = damage && damage->has_key && misfit->count > 1 &&
				      memcmp(damage->key, row->key, KEY_SIZE) == 0;
		cut += is_cut && row->offset >= facts->size;
		const bool is_there = is_named ||
				      (err == AS_OK && entry.tag == SEGMENT_PUT &&
				       memcmp(entry.key, row->key, KEY_SIZE) == 0);
		there += is_there;
		moved += !is_there && replay_find(m->verify->replay, row->key, &event) &&
			 event.is_put && event.segment == facts->number;
		const size_t gone = i + 1 - there - cut;
		if (gone * least > misfit->count && gone > moved)
			return AS_OK;
	}
	const size_t gone = misfit->count - there - cut;
	*fits = there > (gone * least > misfit->count);
	return AS_OK;
}

static bool is_found_elsewhere(const struct matching *m, size_t position)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->misfits[i].found == position)
			return true;
	return false;
}

/* Do the hints say that every object of the segment was replaced or deleted? */
static bool is_spent(const struct matching *m, uint32_t number)
{
	const struct hints *hints = &m->repo->hints;
	return hints->usable && hints_find(hints, number) && verify_hinted(m->verify, number) == 0;
}

/* May the file at @position be another segment than its name says? Only one that fits nothing
 * itself, and in which the hints count nothing. */
static bool is_free(struct matching *m, const struct misfit *misfit, size_t position)
{
	const struct segment_facts *facts = &m->verify->facts[position];
	const struct hints *hints = &m->repo->hints;
	const uint32_t number = m->repo->listing.segments[position].number;
	if (position == misfit->position || facts->puts + facts->damaged == 0 ||
	    !facts->is_committed ||
	    (number > last_known(m->run) &&
	     (misfit->count == 1 || misfit->position == LISTING_NONE)))
		return false;
	if (is_found_elsewhere(m, position))
		return false;
	const bool is_damaged = misfit->position != LISTING_NONE &&
				m->verify->facts[misfit->position].damaged > 0;
	if (is_damaged && misfit->count == 1 && key_is_manifest(misfit->rows[0].key))
		return false;
	if (find_misfit(m, number))
		return true;
	/* A compaction since then may have copied from this one. */
	if (misfit->number > m->verify->end)
		return false;
	/* Every transaction has a manifest, often at the same offset; and a newer version often has
	 * the offset of the older one. */
	const bool is_listed = hints->usable && hints_find(hints, number);
	if (m->mapped[position] > 0 ||
	    (misfit->count == 1 && (misfit->position == LISTING_NONE || !is_listed ||
				    key_is_manifest(misfit->rows[0].key))))
		return false;
	/* Hints that contradict both the log and the index there are of another time. */
	const bool is_denied = misfit->count > 1 && !is_spent(m, number) &&
			       m->verify->hints_credit != CREDIT_CREDIBLE;
	return !is_listed || is_denied || (is_spent(m, number) && !is_damaged);
}

/* Does the PUT of @key at @offset of the file at @position follow a DELETE of what it replaces? */
static bool is_replacement(const struct matching *m, size_t position, const uint8_t key[KEY_SIZE],
			   uint32_t offset)
{
	char path[LISTING_PATH_MAX];
	struct segment_entry entry;
	if (offset < SEGMENT_MAGIC_SIZE + SEGMENT_KEYED)
		return false;
	listing_path(&m->repo->listing, position, path);
	return segment_read_entry(m->repo->io, m->repo->fd, path, offset - SEGMENT_KEYED, &entry,
				  NULL) == AS_OK &&
	       entry.tag == SEGMENT_DELETE && memcmp(entry.key, key, KEY_SIZE) == 0;
}

/* Is the only object that the index places in @misfit a replacement in its own file, and not in the
 * one at @position? Then that file is an earlier segment. */
static bool is_earlier(const struct matching *m, const struct misfit *misfit, size_t position)
{
	const struct segment_witness *row = &misfit->rows[0];
	struct replay_event event;
	return misfit->count == 1 && misfit->position != LISTING_NONE &&
	       replay_find(m->verify->replay, row->key, &event) && event.is_put &&
	       event.segment == misfit->number &&
	       is_replacement(m, misfit->position, row->key, event.offset) &&
	       !is_replacement(m, position, row->key, row->offset);
}

/* Would the mapping lead to the entry without a few damaged bits? */
static bool is_near(const struct segment_witness *row, const struct segment_entry *entry)
{
	const uint64_t bits = row->offset ^ entry->offset;
	/* Another version of the same object may be anywhere; another object's key is never
	 * near. */
	if (memcmp(row->key, entry->key, KEY_SIZE) == 0)
		return (bits & (bits - 1)) == 0;
	return verify_keys_are_near(row->key, entry->key);
}

/* Are half of the objects that the index places in @misfit in the file of that number, at other
 * offsets? Not where that is the newest segment, and has no COMMIT: a later transaction that was
 * not finished bears its number. */
static bool has_most(const struct matching *m, const struct misfit *misfit)
{
	struct replay_event event;
	size_t there = 0;
	for (size_t i = 0; i < misfit->count; i++)
		there += replay_find(m->verify->replay, misfit->rows[i].key, &event) &&
			 event.is_put && event.segment == misfit->number;
	const bool is_unfinished = misfit->number == m->verify->end &&
				   m->verify->tail == TAIL_WAS_COMMITTED;
	return there * 2 >= misfit->count && !is_unfinished;
}

/* Does the PUT belong to the segment that the misfit is, or would it without a few damaged bits of
 * the index? Then the mappings are wrong, not the file. */
static bool is_known(const struct matching *m, const struct misfit *misfit,
		     const struct segment_entry *put)
{
	struct index_bucket bucket;
	const bool has_bucket = verify_find_mapping(m->run, put->key, &bucket);
	const struct segment_facts *other =
		has_bucket ? verify_facts(m->verify, bucket.segment) : NULL;
	/* The place of the manifest counts where it is damaged, also where it leads into a file
	 * that has other objects in their places: then it speaks of no other segment. */
	const bool is_damaged = has_bucket && !verify_is_confirmed(m->verify, bucket.number) &&
				(bucket.offset < SEGMENT_MAGIC_SIZE ||
				 bucket.segment > m->verify->index.transaction ||
				 (other && other->live > 0 && other->damaged == 0));
	/* An object that the index knows, rightly, in another segment is there twice. One that it
	 * places in an earlier segment would be newer here than it knows, but for a wrong number.
	 */
	if (has_bucket && (is_damaged || !key_is_manifest(put->key)) &&
	    ((bucket.segment == misfit->number && has_most(m, misfit)) ||
	     (!verify_is_confirmed(m->verify, bucket.number) &&
	      (is_damaged || bucket.segment > misfit->number ||
	       bucket.offset == put->offset))))
		return true;
	for (size_t i = 0; i < misfit->count; i++)
		if (is_near(&misfit->rows[i], put))
			return true;
	return false;
}

/* Does the index, rightly, have an older version of the object than the PUT would be in the segment
 * that the misfit is? Then the file is not that segment. */
static bool is_too_new(const struct matching *m, const struct misfit *misfit,
		       const struct segment_entry *put)
{
	struct index_bucket bucket;
	return !key_is_manifest(put->key) && verify_find_mapping(m->run, put->key, &bucket) &&
	       verify_is_confirmed(m->verify, bucket.number) && bucket.segment < misfit->number;
}

/* Does @test say so of any whole PUT in the file at @position? */
static enum as_err find_put(const struct matching *m, const struct misfit *misfit, size_t position,
			    bool (*test)(const struct matching *m, const struct misfit *misfit,
					 const struct segment_entry *put),
			    bool *found)
{
	char path[LISTING_PATH_MAX];
	struct segment_entry entry;
	struct segment_reader *reader = segment_reader_new(m->repo->io, m->repo->dialect);
	*found = false;
	if (!reader)
		return AS_ERR_MEMORY;
	listing_path(&m->repo->listing, position, path);
	enum as_err err = segment_open(reader, m->repo->fd, path, misfit->number, NULL, NULL);
	while (err == AS_OK && !*found && (err = segment_next(reader, &entry)) == AS_OK)
		*found = entry.tag == SEGMENT_PUT && test(m, misfit, &entry);
	segment_reader_free(reader);
	return err == AS_ERR_MEMORY ? err : AS_OK;
}

static enum as_err find_file(struct matching *m, struct misfit *misfit)
{
	/* As much stands in its own file as could stand in another. */
	if (misfit->position != LISTING_NONE && misfit->count == 1 &&
	    m->verify->facts[misfit->position].live == 1 &&
	    misfit->number != m->manifest_segment)
		return AS_OK;
	/* A file that does not fit its own number comes before one that only has nothing to fit. */
	const size_t count = m->repo->listing.count;
	for (size_t n = 0; n < 2 * count; n++) {
		const size_t i = n % count;
		const bool is_misfit = find_misfit(m, m->repo->listing.segments[i].number) != NULL;
		bool fits, is_other = false;
		if (is_misfit != (n < count) || !is_free(m, misfit, i))
			continue;
		enum as_err err = try_file(m, misfit, i, &fits);
		if (err == AS_OK && fits)
			err = find_put(m, misfit, i, is_too_new, &is_other);
		if (err != AS_OK)
			return err;
		if (!fits || is_other || is_earlier(m, misfit, i))
			continue;
		/* Where two such files have a version of the only object there, it is no sign. */
		const bool is_second = misfit->found != LISTING_NONE;
		misfit->found = is_second ? LISTING_NONE : i;
		if (is_second || is_misfit || misfit->count > 1)
			break;
	}
	return AS_OK;
}

/* Do the hints of the same time count in the segment what the index places in it? */
static bool is_counted(const struct matching *m, const struct misfit *misfit)
{
	const struct hints *hints = &m->repo->hints;
	const uint32_t live = misfit->position == LISTING_NONE
				      ? 0 : m->verify->facts[misfit->position].live;
	return hints->usable && hints->transaction == m->verify->index.transaction &&
	       verify_hinted(m->verify, misfit->number) == (int64_t)misfit->count + (int64_t)live;
}

/* Did the file that bears the misfit's number change places with the one that was found, as several
 * objects in it show? */
static bool is_exchanged(struct matching *m, const struct misfit *misfit)
{
	const struct misfit *other =
		find_misfit(m, m->repo->listing.segments[misfit->found].number);
	return other && other->count > 1 && misfit->position != LISTING_NONE &&
	       other->found == misfit->position;
}

/* Is no other file to be the segment whose number the file at @position bears? */
static bool is_vacant(const struct matching *m, size_t position)
{
	const uint32_t number = m->repo->listing.segments[position].number;
	for (size_t i = 0; i < m->repo->listing.count; i++)
		if (m->verify->facts[i].number == number)
			return false;
	for (size_t i = 0; i < m->count; i++)
		if (m->misfits[i].number == number && m->misfits[i].found != LISTING_NONE)
			return false;
	return true;
}

/* A lone manifest at its offset is often there by chance. It counts where files changed places: the
 * one that bears the number belongs elsewhere, or no object is missed under the other number. */
static void doubt_manifests(struct matching *m)
{
	for (size_t i = 0; i < m->count; i++) {
		struct misfit *misfit = &m->misfits[i];
		if (misfit->found == LISTING_NONE || misfit->count > 1 ||
		    !key_is_manifest(misfit->rows[0].key) ||
		    (misfit->position != LISTING_NONE && is_found_elsewhere(m, misfit->position)))
			continue;
		const struct misfit *other =
			find_misfit(m, m->repo->listing.segments[misfit->found].number);
		if (other && other->found == LISTING_NONE)
			misfit->found = LISTING_NONE;
	}
}

static enum as_err assign_roles(struct matching *m, bool *again)
{
	struct verify *verify = m->verify;
	size_t foreign = 0, unsure = 0, single = 0;
	for (size_t i = 0; i < m->count; i++) {
		struct misfit *misfit = &m->misfits[i];
		bool known = true;
		if (misfit->found != LISTING_NONE) {
			verify->facts[misfit->found].number = misfit->number;
			if (misfit->number > verify->end)
				verify->end = misfit->number;
			if (misfit->count == 1)
				*(is_counted(m, misfit) || is_exchanged(m, misfit) ? &single
										   : &unsure) += 1;
			*again = true;
		}
		if (misfit->position == LISTING_NONE || is_found_elsewhere(m, misfit->position))
			continue;
		const enum as_err err = find_put(m, misfit, misfit->position, is_known,
						 &known);
		if (err != AS_OK)
			return err;
		/* What is damaged may be ours all the same. */
		known = known || verify->facts[misfit->position].damaged > 0 ||
			verify->facts[misfit->position].is_too_large;
		if (known && misfit->found == LISTING_NONE)
			continue;
		/* Where two were swapped and one has only DELETEs or superseded PUTs, no PUT shows
		 * where that one belongs. */
		if (misfit->found != LISTING_NONE && is_vacant(m, misfit->found) &&
		    (verify->facts[misfit->position].puts == 0 ||
		     is_spent(m, verify->repo->listing.segments[misfit->found].number) ||
		     verify->repo->listing.segments[misfit->found].number > last_known(m->run))) {
			verify->facts[misfit->position].number =
				verify->repo->listing.segments[misfit->found].number;
			continue;
		}
		verify->facts[misfit->position].role = ROLE_FOREIGN;
		foreign++;
		unsure += !is_counted(m, misfit);
	}
	/* One object each is enough where files only changed places. */
	if (foreign > 0)
		unsure += single;
	/* Where most of the log would be of elsewhere, it is the index that is. */
	verify->roles_are_counted = unsure == 0;
	if (unsure * 2 > verify->repo->listing.count && unsure > 1)
		for (size_t i = 0; i < verify->repo->listing.count; i++)
			verify->facts[i].role = ROLE_LOG;
	else if (foreign > 0)
		*again = true;
	return AS_OK;
}

static enum as_err match(struct verify_run *run, bool *again)
{
	struct index_bucket bucket;
	struct matching *m = calloc(1, sizeof(*m));
	if (!m)
		return AS_ERR_MEMORY;
	m->run = run;
	m->verify = run->verify;
	m->repo = run->repo;
	m->has_tail = listing_from(&m->repo->listing, m->verify->end) + 1 < m->repo->listing.count;
	m->manifest_segment = -1;
	if (verify_find_mapping(run, key_of_manifest, &bucket) &&
	    verify_is_confirmed(run->verify, bucket.number))
		m->manifest_segment = bucket.segment;
	enum as_err err = verify_each_unconfirmed(run, add_misfit, m);
	if (err != AS_OK || m->count == 0 || m->is_too_many)
		goto out;
	m->mapped = calloc(run->repo->listing.count + 1, sizeof(*m->mapped));
	if (!m->mapped) {
		err = AS_ERR_MEMORY;
		goto out;
	}
	for (uint32_t i = 0; i < run->index.image.buckets; i++) {
		const size_t position = verify_mapped_position(run, i);
		if (position != LISTING_NONE)
			m->mapped[position]++;
	}
	for (size_t i = 0; err == AS_OK && i < m->count; i++)
		err = find_file(m, &m->misfits[i]);
	doubt_manifests(m);
	if (err == AS_OK)
		err = assign_roles(m, again);
out:
	for (size_t i = 0; i < m->count; i++)
		free(m->misfits[i].rows);
	free(m->mapped);
	free(m);
	return err;
}

/* ---- segments that came back ---- */

/* Does the index map any key to segment @number, in which nothing is live? */
static bool index_leads_to(const struct verify_run *run, uint32_t number)
{
	const struct index_image *image = &run->index.image;
	/* A mapping that is confirmed would have made the segment hold something live. */
	if (verify_count_confirmed(run->verify, image->buckets) == image->used)
		return false;
	for (uint32_t i = 0; i < image->buckets; i++) {
		uint32_t segment, offset;
		index_image_place(image, i, &segment, &offset);
		if (segment == number && offset >= SEGMENT_MAGIC_SIZE)
			return true;
	}
	return false;
}

/* Are index and hints, byte for byte, what was written at the log's end, and does each object stand
 * where the index has it? Then nothing else at or below the end is live. Borg writes them once the
 * COMMIT stands in a segment of its own: where another segment has that number, nothing else tells
 * that it is an older one. */
static bool are_of_the_end(const struct verify_run *run)
{
	const struct integrity *integrity = &run->repo->integrity;
	const struct verify *verify = run->verify;
	const struct index_image *image = &run->index.image;
	return run->repo->dialect->has_lone_commits &&
	       verify_count_confirmed(verify, image->buckets) == image->used &&
	       integrity->state == INTEGRITY_READ &&
	       integrity->transaction == verify->end && integrity->hints.state == DIGEST_READ &&
	       integrity->index.state == DIGEST_READ &&
	       run->repo->index_transaction == verify->end &&
	       verify->findings.total[PROBLEM_INTEGRITY_DIGEST] == 0 &&
	       run->repo->findings.total[PROBLEM_INTEGRITY_DIGEST] == 0;
}

/* Whole, with PUTs, at or below the end, and neither witness knows anything of it. */
static void find_returned(struct verify_run *run, bool *again)
{
	struct verify *verify = run->verify;
	const struct hints *hints = &run->repo->hints;
	verify_find_index_last(run);
	/* Hints that end before the index does are of an earlier time than they say. */
	if (!hints->usable || hints->transaction != verify->end || run->index.image.used == 0 ||
	    (hints->segment_count > 0 && hints_last(hints) < verify->index_last))
		return;
	/* A file that the hints do not know may be the one that is missing. */
	if (verify->hints_know_missing)
		return;
	const bool know_all = are_of_the_end(run);
	for (size_t i = 0; i < run->repo->listing.count; i++) {
		struct segment_facts *facts = &verify->facts[i];
		const struct hints_segment *row = hints_find(hints, facts->number);
		/* A row of 0 is what a compaction leaves that was interrupted before it removed the
		 * segment. Borg lists a COMMIT alone to be compacted, with its few bytes. */
		const bool is_commit = know_all && row && row->live == 0 &&
				       row->freeable <= SEGMENT_LONE_COMMIT;
		const bool is_hinted = (row && row->live != 0) ||
				       (hints_is_compact(hints, facts->number) && !is_commit);
		if (facts->role != ROLE_LOG || facts->puts == 0 || facts->live > 0 ||
		    !facts->is_committed ||
		    is_hinted ||
		    (!know_all && facts->number >= last_known(run) && facts->held > 0) ||
		    index_leads_to(run, facts->number))
			continue;
		facts->role = ROLE_RETURNED;
		*again = true;
	}
}

/* Do the hints count in each segment what the log holds there, or what the index places there? They
 * were not made from it: together they outweigh single wrong places of the index. */
static bool hints_bear_out(const struct verify *verify)
{
	if (verify->hints_credit != CREDIT_CREDIBLE || verify->index_credit == CREDIT_FOREIGN ||
	    verify->repo->hints.transaction != verify->index.transaction ||
	    !verify->roles_are_counted)
		return false;
	for (size_t i = 0; i < verify->repo->listing.count; i++) {
		const struct segment_facts *facts = &verify->facts[i];
		if (facts->role == ROLE_LOG && facts->is_committed && facts->damaged == 0 &&
		    !facts->is_unreadable && !facts->is_cut &&
		    verify_hinted(verify, facts->number) != (int64_t)facts->held &&
		    !verify_hints_like_index(verify, facts))
			return false;
	}
	return true;
}

/* With what was set apart, are the witnesses that spoke against it to be believed? */
static bool is_borne_out(const struct verify *verify)
{
	const struct index_figures *f = &verify->index_figures;
	const struct listing *listing = &verify->repo->listing;
	bool has_returned = false, has_foreign = false, has_moved = false, is_exchange = true;
	for (size_t i = 0; i < listing->count; i++) {
		const struct segment_facts *facts = &verify->facts[i];
		has_returned = has_returned || facts->role == ROLE_RETURNED;
		has_foreign = has_foreign || facts->role == ROLE_FOREIGN;
		has_moved = has_moved || facts->number != listing->segments[i].number;
		is_exchange = is_exchange && listing_find(listing, facts->number) != LISTING_NONE;
	}
	/* What seems to have come back may be what is missing, unless a credible index tells. */
	if (has_returned && verify->hints_know_missing)
		return false;
	if (f->live > 0 && hints_bear_out(verify))
		return true;
	/* Several objects at their offsets in a file that bears another's number are no chance, and
	 * no compaction's work: it removes the file that it copies from. */
	if (has_moved && is_exchange && !has_foreign && !has_returned &&
	    verify->roles_are_counted && verify->index_credit != CREDIT_FOREIGN)
		return true;
	/* An index that is wrong about places still knows which keys there are. */
	const bool knows_keys = verify->index_credit == CREDIT_DAMAGED &&
				!has_foreign && !has_moved && verify_knows_keys(verify);
	return f->live > 0 && (verify->index_credit == CREDIT_CREDIBLE || knows_keys) &&
	       (!has_returned || verify->hints_credit == CREDIT_CREDIBLE);
}

/* Is there any object but the manifest, which all have, where the index maps it, and do the hints
 * bear out the index? Then it is the files that are of elsewhere. */
static bool is_of_lineage(const struct verify_run *run)
{
	const struct verify *verify = run->verify;
	const struct hints *hints = &run->repo->hints;
	struct index_bucket bucket;
	const bool has_manifest = verify_find_mapping(run, key_of_manifest, &bucket) &&
				  verify_is_confirmed(verify, bucket.number);
	if (!hints->usable || hints->transaction != verify->index.transaction ||
	    verify_count_confirmed(verify, run->index.image.buckets) <= has_manifest)
		return false;
	for (size_t i = 0; i < run->repo->listing.count; i++)
		if (verify->facts[i].is_committed &&
		    !verify_hints_like_index(verify, &verify->facts[i]))
			return false;
	return true;
}

enum as_err verify_choose_roles(struct verify_run *run, bool *again)
{
	struct verify *verify = run->verify;
	*again = false;
	if (run->reading == 0) {
		verify->roles_are_counted = true;
		run->end_by_names = verify->end;
	}
	/* One of an earlier time says nothing about what a compaction moved since. */
	if (!run->index.is_loaded || !verify->has_end ||
	    verify->index.transaction < verify->end)
		return AS_OK;
	if (run->reading > 0) {
		if (!verify->has_roles || is_borne_out(verify))
			return AS_OK;
		for (size_t i = 0; i < verify->repo->listing.count; i++) {
			verify->facts[i].role = ROLE_LOG;
			verify->facts[i].number = verify->repo->listing.segments[i].number;
		}
		verify->has_roles = false;
		verify->end = run->end_by_names;
		*again = true;
		return AS_OK;
	}
	/* Where the log ends before the index and files above it are later than both, they are of
	 * an earlier time as well. */
	const struct listing *listing = &run->repo->listing;
	if (verify->index.transaction > verify->end && listing->count > 0 &&
	    listing->segments[listing->count - 1].number > last_known(run))
		return AS_OK;
	const bool shares_little = verify->index_credit == CREDIT_FOREIGN ||
				   verify->index_figures.known * 10 < verify->index_figures.live;
	if (shares_little && !is_of_lineage(run))
		return AS_OK;
	const enum as_err err = run->is_agreed ? AS_OK : match(run, again);
	if (err == AS_OK)
		find_returned(run, again);
	verify->has_roles = *again;
	return err;
}
