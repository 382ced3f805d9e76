#include "build-config.h"

#include "base/problem.h"

#include "base/array.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct problem_info problem_table[PROBLEM_COUNT] = {
	[PROBLEM_FOREIGN_FORMAT] = {
		.id = "foreign-format",
		.found = "the repository is in Borg's format, not in Attic's",
		.meaning = "Borg wrote it, or an upgrade to Borg was begun and not finished. That "
			   "is no damage: this program reads Attic's format only.",
		.stake = "Nothing happens.",
		.meanwhile = "Borg can use what it wrote itself. Nothing can use what is half "
			     "upgraded, until borg upgrade is done. This program changes no byte "
			     "of it.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_NONE,
	},
	[PROBLEM_UPGRADE_INTERRUPTED] = {
		.id = "upgrade-interrupted",
		.found = "an upgrade from Attic to Borg was begun and not finished",
		.meaning = "Some segments begin with Attic's magic and others with Borg's; all are "
			   "read. borg upgrade, run again with the same options, finishes it.",
		.stake = "Neither Attic nor Borg can open the repository.",
		.meanwhile = "It can be viewed here. Run nothing else than borg upgrade on it.",
		.severity = SEVERITY_ERROR,
		.repair = REPAIR_SALVAGE,
	},
	[PROBLEM_CONFIG_MISSING] = {
		.id = "config-missing",
		.found = "the file config is missing",
		.meaning = "Without it the repository's id and limits are unknown; what the "
			   "folders say, or the default, is assumed here. Restore the file from a "
			   "copy, or write the lines that check names.",
		.stake = "Attic does not open the repository; its objects are not touched by this.",
		.meanwhile = "It can be viewed here, without a lock. Attic refuses it.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_NONE,
	},
	[PROBLEM_CONFIG_UNREADABLE] = {
		.id = "config-unreadable",
		.found = "the file config cannot be read",
		.meaning = "There is no permission, the disk is failing, or it is not an ordinary "
			   "file. Defaults are assumed here.",
		.stake = "Attic does not open the repository; its objects are not touched by this.",
		.meanwhile = "It can be viewed here. Attic refuses it.",
		.means_by_cause = true,
		.severity = SEVERITY_ERROR, .repair = REPAIR_NONE,
	},
	[PROBLEM_CONFIG_SYNTAX] = {
		.id = "config-syntax",
		.found = "the file config is not what Attic writes",
		.meaning = "Attic's parser would stop here, or would not find the section "
			   "[repository]. Mend the text by hand; a copy of the old file first.",
		.stake = "Attic does not open the repository; its objects are not touched by this.",
		.meanwhile = "It can be viewed here, with defaults for what could not be read. "
			     "Attic refuses it.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_NONE,
	},
	[PROBLEM_CONFIG_VERSION] = {
		.id = "config-version",
		.found = "the version in config is not 1",
		.meaning = "Either another program wrote this repository, or the file was "
			   "damaged. If everything else fits, set version = 1 by hand.",
		.stake = "Attic does not open the repository; its objects are not touched by this.",
		.meanwhile = "It can be viewed here. Attic refuses it.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_NONE,
	},
	[PROBLEM_CONFIG_ID] = {
		.id = "config-id",
		.found = "config holds no id of 64 hex digits",
		.meaning = "The id tells repositories apart in the caches of their users. Bring "
			   "the old one back from a copy of the file or from a client's cache.",
		.stake = "Attic does not open the repository; its objects are not touched by this.",
		.meanwhile = "It can be viewed here. Attic refuses it.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_NONE,
	},
	[PROBLEM_CONFIG_LIMITS] = {
		.id = "config-limits",
		.found = "a limit in config is missing or wrong",
		.meaning = "segments_per_dir and max_segment_size must be whole numbers from 1 to "
			   "2147483647, and segments_per_dir must fit the folders below data. "
			   "What they say, or the default, is assumed here; correct the line by "
			   "hand.",
		.stake = "With a wrong segments_per_dir Attic looks for segments in the wrong "
			 "folders.",
		.meanwhile = "It can be viewed here. Let nothing write to it before the line is "
			     "right.",
		.severity = SEVERITY_WARNING, .repair = REPAIR_NONE,
	},
	[PROBLEM_DATA_MISSING] = {
		.id = "data-missing",
		.found = "the folder data is missing or cannot be read",
		.meaning = "All objects lie below it. Look first whether a disk is not mounted or "
			   "a permission is missing, then for a copy.",
		.stake = "Without this folder the repository holds nothing.",
		.meanwhile = "Let nothing open it for writing: it would look empty.",
		.means_by_cause = true,
		.severity = SEVERITY_ERROR, .repair = REPAIR_NONE,
	},
	[PROBLEM_FOLDER_UNREADABLE] = {
		.id = "folder-unreadable",
		.found = "a folder below data cannot be read",
		.meaning = "Its segments are unknown, not lost. Look to permissions and to the "
			   "disk before anything else.",
		.stake = "A repair now would count every segment in it as missing.",
		.meanwhile = "Viewing shows the rest. Let nothing write to it.",
		.means_by_cause = true,
		.severity = SEVERITY_ERROR, .repair = REPAIR_NONE,
	},
	[PROBLEM_FOLDER_NAME] = {
		.id = "folder-name",
		.found = "a folder below data has a name that is not a number",
		.meaning = "A file system or another program made it (lost+found, @eaDir, "
			   ".AppleDouble). Attic sorts the folders by number and fails on this "
			   "name, with a ValueError; so do early versions of Borg, while later "
			   "ones pass over it. Move the folder out of data; where a disk that is "
			   "mounted there brings its lost+found, mount it elsewhere and move data "
			   "into it.",
		.stake = "Attic cannot open the repository; its objects are not touched by this.",
		.meanwhile = "It can be viewed and repaired here, which leaves the folder as it "
			     "is. Attic fails on it.",
		.severity = SEVERITY_INFO, .repair = REPAIR_NONE,
	},
	[PROBLEM_SEGMENT_MISPLACED] = {
		.id = "segment-in-wrong-folder",
		.found = "the segment lies in a folder where Attic does not look for it",
		.meaning = "It was moved, or segments_per_dir was changed. Salvage writes its "
			   "live objects again, in the right place.",
		.stake = "Attic fails on every object in it.",
		.meanwhile = "It is read here as if it lay in its place. Let nothing write to the "
			     "repository.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_SALVAGE,
	},
	[PROBLEM_SEGMENT_DUPLICATE] = {
		.id = "segment-duplicate",
		.found = "the segment is there twice",
		.meaning = "Two folders hold a file of this number. The one in its own folder is "
			   "believed, unless it is damaged and the other is whole. The other is "
			   "usually left over from a copy or a restore.",
		.stake = "Attic may read one file and index the other.",
		.meanwhile = "Viewing shows the believed one. Let nothing write to it.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_SALVAGE,
	},
	[PROBLEM_SEGMENT_NAME] = {
		.id = "segment-name",
		.found = "a name of digits that is no segment's name",
		.meaning = "It has leading zeros, or is a number above 4294967295. Attic takes it "
			   "for a segment; it was not written as one. Move it out of data.",
		.stake = "Attic may take it for the newest segment, or delete it.",
		.meanwhile = "Viewing leaves it out. Move it before anything writes to the "
			     "repository.",
		.severity = SEVERITY_WARNING, .repair = REPAIR_NONE,
	},
	[PROBLEM_NOT_A_FILE] = {
		.id = "not-a-file",
		.found = "something other than a file has the name of one of the repository's "
			 "files",
		.meaning = "A folder, link, pipe, socket or device has the name of a segment, or a "
			   "folder that of an index or of hints. It was not opened. Find out who "
			   "put it there, and move it away.",
		.stake = "A program that opens it fails or hangs, or reads something else than the "
			 "repository.",
		.meanwhile = "Viewing leaves it out. Do not run Attic on the repository.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_NONE,
	},
	[PROBLEM_STRAY_FILE] = {
		.id = "stray-file",
		.found = "a file that does not belong to the repository",
		.meaning = "Left behind by another program or a file system. Attic and Borg pass "
			   "over it, and so does every repair.",
		.stake = "Nothing happens.",
		.meanwhile = "The repository can be used.",
		.severity = SEVERITY_INFO, .repair = REPAIR_NONE,
	},
	[PROBLEM_SEGMENT_MISSING] = {
		.id = "segment-missing",
		.found = "the segment is not there, but the index or the hints know it",
		.meaning = "The file was deleted, or never copied. Look for it in other copies of "
			   "the repository first; the repair keeps what the others hold and "
			   "names what is lost.",
		.stake = "Its objects cannot be read; backups that need them are incomplete.",
		.meanwhile = "Whatever lies in other segments can be read. Let nothing write to "
			     "it.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_SALVAGE,
	},
	[PROBLEM_SEGMENT_COPY] = {
		.id = "segment-copy",
		.found = "a file beside the segment has entries that are damaged or missing in it",
		.meaning = "An interrupted repair, a copying tool or a synchronisation left it. "
			   "Its whole entries count as if they stood in the segment; salvage "
			   "copies them.",
		.stake = "The clients do not look at such files: for them these objects are lost.",
		.meanwhile = "Keep the file. What it holds can be read with this program.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_SALVAGE,
	},
	[PROBLEM_SEGMENT_RETURNED] = {
		.id = "segment-returned",
		.found = "a segment that a compaction had removed is there again",
		.meaning = "A restore over the repository, or an interrupted or refused removal, "
			   "leaves such files. Index and hints do not know it, so it takes no part "
			   "in the log. Compaction moves it aside.",
		.stake = "When the index is rebuilt from all segments, objects that were deleted "
			 "can come back.",
		.meanwhile = "The repository can be used.",
		.severity = SEVERITY_WARNING, .repair = REPAIR_COMPACT,
	},
	[PROBLEM_SEGMENT_FOREIGN] = {
		.id = "segment-foreign",
		.found = "the segment holds nothing that the index expects in it",
		.meaning = "The file of another repository, or of another time, stands in its "
			   "place. Look for the right one in other copies of this repository. "
			   "Salvage moves this one aside.",
		.stake = "The objects of the segment that should be here cannot be read.",
		.meanwhile = "Everything else can be read. Make no backup before this is repaired.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_SALVAGE,
	},
	[PROBLEM_SEGMENT_MISNAMED] = {
		.id = "segment-misnamed",
		.found = "the file has the number of another segment",
		.meaning = "Files were swapped or renamed. The index tells which segment it is, "
			   "and it is read as that one. Salvage copies what is live in it.",
		.stake = "The clients look for its objects in the wrong file, and an older version "
			 "or a deleted object can take the place of a newer one.",
		.meanwhile = "Everything can be read with this program. Make no backup before this "
			     "is repaired.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_SALVAGE,
	},
	[PROBLEM_SEGMENT_UNREADABLE] = {
		.id = "segment-unreadable",
		.found = "the segment's file cannot be opened",
		.meaning = "There is no permission, or the disk cannot read it. That is not the "
			   "same as lost: try as another user or from a copy of the disk before "
			   "any repair.",
		.stake = "Its objects cannot be read.",
		.meanwhile = "Whatever lies in other segments can be read. Let nothing write to "
			     "it.",
		.means_by_cause = true,
		.severity = SEVERITY_ERROR, .repair = REPAIR_NONE,
	},
	[PROBLEM_RANGE_UNREADABLE] = {
		.id = "range-unreadable",
		.found = "the disk cannot read these bytes",
		.meaning = "A bad sector, a failing disk or cable. Copy the whole disk first "
			   "(ddrescue) and go on with the copy; salvage then saves what is whole.",
		.stake = "A failing disk loses more with every hour that it runs.",
		.meanwhile = "Read as little as possible from this disk, and write nothing to it.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_SALVAGE,
	},
	[PROBLEM_SEGMENT_MAGIC] = {
		.id = "segment-magic",
		.found = "the segment does not begin with the magic of one",
		.meaning = "Its first bytes were overwritten or lost, or it is something else. "
			   "Entries after them may be whole; salvage keeps those.",
		.stake = "Attic stops at this segment when it rebuilds its index or compacts.",
		.meanwhile = "Single objects can be read. Let nothing write to it.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_SALVAGE,
	},
	[PROBLEM_SEGMENT_TOO_LARGE] = {
		.id = "segment-too-large",
		.found = "the segment goes on beyond 2 GiB: Attic cannot read what begins there",
		.meaning = "Attic reads offsets as signed 32-bit numbers. max_segment_size may be "
			   "too large, or something was appended to the file. Salvage copies the "
			   "objects into smaller segments.",
		.stake = "Attic fails on every object that begins beyond 2 GiB.",
		.meanwhile = "Objects before that point can be read. Let nothing write to it.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_SALVAGE,
	},
	[PROBLEM_SEGMENT_NUMBER] = {
		.id = "segment-number-too-high",
		.found = "the segment's number is above 2147483647: Attic cannot read it",
		.meaning = "Attic reads segment numbers as signed 32-bit numbers. No new segment "
			   "can follow, so no repair gives it a lower number. Read the objects "
			   "with index and get, and put them into a new repository.",
		.stake = "Attic fails on every object in such a segment.",
		.meanwhile = "All objects can be read here. Nothing can be written to it.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_NONE,
	},
	[PROBLEM_SEGMENT_SHORT] = {
		.id = "segment-short",
		.found = "the segment is not full and does not end in a COMMIT",
		.meaning = "Attic closes a segment when it is full or with a COMMIT. This one may "
			   "have been cut off between two entries, or max_segment_size was raised "
			   "since.",
		.stake = "Nothing happens because of this alone; objects lost to the cut are "
			 "named one by one.",
		.meanwhile = "The repository can be used.",
		.severity = SEVERITY_INFO, .repair = REPAIR_NONE,
	},
	[PROBLEM_ENTRY_SIZE_SMALL] = {
		.id = "entry-size-small",
		.found = "the entry's size is too small for its kind",
		.meaning = "The header was overwritten, so where the next entry begins had to be "
			   "searched. Salvage keeps the whole entries after it.",
		.stake = "This entry cannot be read, and Attic misreads what follows it.",
		.meanwhile = "Other objects can be read. Let nothing write to it.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_SALVAGE,
	},
	[PROBLEM_ENTRY_SIZE_LARGE] = {
		.id = "entry-size-large",
		.found = "the entry's size is larger than its kind allows",
		.meaning = "The header was overwritten, so where the next entry begins had to be "
			   "searched. Salvage keeps the whole entries after it.",
		.stake = "This entry cannot be read, and Attic stops at it.",
		.meanwhile = "Other objects can be read. Let nothing write to it.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_SALVAGE,
	},
	[PROBLEM_ENTRY_TAG] = {
		.id = "entry-tag-unknown",
		.found = "the entry is neither PUT nor DELETE nor COMMIT",
		.meaning = "The header was overwritten, or a newer program wrote it. Make sure "
			   "that no newer program is in use before a salvage.",
		.stake = "This entry cannot be read, and Attic stops at it.",
		.meanwhile = "Other objects can be read. Let nothing write to it.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_SALVAGE,
	},
	[PROBLEM_ENTRY_TORN] = {
		.id = "entry-torn",
		.found = "the file ends inside the entry",
		.meaning = "The file was cut short, by a full disk, a crash or an incomplete "
			   "copy. A complete copy of the file mends it; salvage keeps what is "
			   "whole.",
		.stake = "This entry cannot be read, nor anything that came after it.",
		.meanwhile = "Other objects can be read. Let nothing write to it.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_SALVAGE,
	},
	[PROBLEM_ENTRY_CRC] = {
		.id = "entry-crc-mismatch",
		.found = "the entry's checksum does not match its bytes",
		.meaning = "Bytes changed after they were written: disk, memory or cable. A copy "
			   "of this file from before mends it; salvage keeps the rest of the "
			   "segment.",
		.stake = "The object cannot be read back; the rest of the segment can.",
		.meanwhile = "Other objects can be read. Let nothing write to it.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_SALVAGE,
	},
	[PROBLEM_ENTRY_ZEROS] = {
		.id = "entry-zeros",
		.found = "there are zeros where an entry should begin",
		.meaning = "Typical after a power failure: the file had grown, its bytes were "
			   "never written. Salvage keeps the whole entries around them.",
		.stake = "What was there cannot be read, and Attic misreads what follows it.",
		.meanwhile = "Other objects can be read. Let nothing write to it.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_SALVAGE,
	},
	[PROBLEM_ENTRY_SUSPECT] = {
		.id = "entry-suspect",
		.found = "a whole entry lies inside a damaged one",
		.meaning = "It may be an object of this repository, or just the contents of the "
			   "damaged object. There is no other evidence for it, so salvage brings "
			   "it back only when asked.",
		.stake = "Nothing beyond the damage around it.",
		.meanwhile = "It changes nothing.",
		.severity = SEVERITY_INFO, .repair = REPAIR_SALVAGE,
	},
	[PROBLEM_OBJECT_LOST] = {
		.id = "object-lost",
		.found = "the object is known, but no whole entry of it is left",
		.meaning = "Its bytes are damaged or gone. Another copy of the repository may "
			   "have them: look for one first, for the repair drops the key. A new "
			   "backup stores the object again only once attic check --repair was "
			   "run and the client's cache is removed (~/.cache/attic/ID, or below "
			   "ATTIC_CACHE_DIR): until then the client takes it for stored.",
		.stake = "Backups that need this object cannot be restored completely.",
		.meanwhile = "Other objects can be read. New backups will rely on this one, "
			     "wrongly.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_SALVAGE,
	},
	[PROBLEM_OBJECT_OLDER] = {
		.id = "object-older",
		.found = "the newest version of the object is gone, an older version is whole",
		.meaning = "What replaced it is damaged or missing. The repair keeps the older "
			   "version and names it; get --older reads it.",
		.stake = "The clients find nothing in its place, or take the older version for the "
			 "newest.",
		.meanwhile = "Everything else can be read. Make no backup before this is repaired.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_SALVAGE,
	},
	[PROBLEM_LOSS_UNKNOWN] = {
		.id = "loss-unknown",
		.found = "more may have been lost than can be named",
		.meaning = "No credible index or hints cover every damaged or missing place, so "
			   "objects that nothing names may have been there.",
		.stake = "Backups that use such objects cannot be restored completely.",
		.meanwhile = "Everything that is whole can be read. Let the client check its "
			     "archives after the repair.",
		.severity = SEVERITY_WARNING, .repair = REPAIR_SALVAGE,
	},
	[PROBLEM_OBJECT_UNREADABLE] = {
		.id = "object-unreadable",
		.found = "the object lies where nothing can be read now",
		.meaning = "That is not the same as lost: it may well be whole. The problem of its "
			   "segment or folder says why nothing can be read there.",
		.stake = "A repair now would give the object up.",
		.meanwhile = "Other objects can be read. Let nothing write to the repository.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_NONE,
	},
	[PROBLEM_DELETE_LOST] = {
		.id = "delete-lost",
		.found = "the DELETE of this key is damaged or gone, an older PUT is still there",
		.meaning = "The log alone would bring a deleted object back. Salvage, with the "
			   "index as a witness, keeps it deleted.",
		.stake = "Once the index is lost or rebuilt, the deleted object comes back.",
		.meanwhile = "Keep the index: do not recover before the salvage.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_SALVAGE,
	},
	[PROBLEM_OBJECT_POSSIBLY_DELETED] = {
		.id = "object-possibly-deleted",
		.found = "the object is kept, and may have been deleted",
		.meaning = "One witness says that it was deleted, but nothing else confirms that. "
			   "Keeping a deleted object costs space; losing a live one destroys "
			   "data.",
		.stake = "Nothing happens. The client's own check removes what nothing uses.",
		.meanwhile = "The repository can be used as far as its other problems let it.",
		.severity = SEVERITY_WARNING, .repair = REPAIR_RECOVER,
	},
	[PROBLEM_DELETE_MOVED] = {
		.id = "delete-moved",
		.found = "the object is there, but a DELETE or PUT that neither index nor hints "
			 "know follows it in the log",
		.meaning = "The client's compaction can move the DELETE of an older version to "
			   "after the PUT of the newer one; so can a segment that was overwritten "
			   "with another's bytes. Index and hints both know the object. Compact, "
			   "or salvage where that is recommended, writes it again, at the end of "
			   "the log.",
		.stake = "When the index is rebuilt from the log, also by the client itself, the "
			 "object or its newest version is gone.",
		.meanwhile = "The repository can be used.",
		.severity = SEVERITY_WARNING, .repair = REPAIR_COMPACT,
	},
	[PROBLEM_TAIL_UNCOMMITTED] = {
		.id = "tail-uncommitted",
		.found = "a transaction was begun and never committed",
		.meaning = "A writer stopped before its COMMIT. What was committed before is "
			   "complete; rollback moves the rest out of the way.",
		.stake = "Attic deletes these segments when it opens the repository; what was "
			 "committed stays.",
		.meanwhile = "It can be read. Make sure first that no writer is still at work.",
		.severity = SEVERITY_WARNING, .repair = REPAIR_ROLLBACK,
	},
	[PROBLEM_TAIL_TORN] = {
		.id = "tail-torn",
		.found = "a transaction was cut off in the middle of an entry",
		.meaning = "A writer crashed, or the disk was full. What was committed before is "
			   "complete; rollback moves the rest out of the way.",
		.stake = "Attic deletes these segments when it opens the repository; what was "
			 "committed stays.",
		.meanwhile = "It can be read. Make sure first that no writer is still at work.",
		.severity = SEVERITY_WARNING, .repair = REPAIR_ROLLBACK,
	},
	[PROBLEM_TAIL_COMMIT_DAMAGED] = {
		.id = "tail-commit-damaged",
		.found = "the newest transaction is whole except for its COMMIT",
		.meaning = "Its last bytes are damaged or zeros. Salvage keeps the transaction; "
			   "rollback would give it up.",
		.stake = "Attic deletes the whole transaction when it opens the repository.",
		.meanwhile = "Do not let Attic open it, not even to list it.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_SALVAGE,
	},
	[PROBLEM_TAIL_WAS_COMMITTED] = {
		.id = "tail-was-committed",
		.found = "the newest transaction has lost its COMMIT, but it was committed",
		.meaning = "The index or the hints bear its number, and those are written only "
			   "after the COMMIT. Salvage keeps what is whole of it.",
		.stake = "Attic deletes the whole transaction when it opens the repository.",
		.meanwhile = "Do not let Attic open it, not even to list it.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_SALVAGE,
	},
	[PROBLEM_TAIL_LIKE_COMMIT] = {
		.id = "tail-ends-like-commit",
		.found = "an uncommitted segment ends with a value that ends like a COMMIT",
		.meaning = "A writer stopped right after that value. Attic looks at the last nine "
			   "bytes alone, and takes this part of a transaction for a whole one.",
		.stake = "Attic adds the unfinished transaction when it opens the repository.",
		.meanwhile = "It can be read here. Roll back before Attic opens it.",
		.severity = SEVERITY_WARNING, .repair = REPAIR_ROLLBACK,
	},
	[PROBLEM_NO_COMMIT] = {
		.id = "no-commit",
		.found = "there are segments, but none of them ends in a COMMIT",
		.meaning = "Nothing in the log says which transaction was the last. Salvage keeps "
			   "what index or hints show to be committed, and without them every whole "
			   "object; a rollback would give up everything.",
		.stake = "Attic deletes every segment when it opens the repository.",
		.meanwhile = "Do not let Attic open it, not even to list it.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_SALVAGE,
	},
	[PROBLEM_INDEX_NAME] = {
		.id = "index-name",
		.found = "the name is not that of an index, but Attic takes it for one",
		.meaning = "Attic reads the number after the dot, whatever it looks like, and "
			   "recovers from the highest. Move the file away by hand.",
		.stake = "Attic may start from this file, or fail at its name, when it recovers.",
		.meanwhile = "The repository can be read.",
		.severity = SEVERITY_WARNING, .repair = REPAIR_NONE,
	},
	[PROBLEM_INDEX_MISSING] = {
		.id = "index-missing",
		.found = "there is no index",
		.meaning = "The index says where each object lies, and can be made from the log. "
			   "Recover does that.",
		.stake = "Nothing, as long as the log is whole; after further damage one witness "
			 "fewer would be left.",
		.meanwhile = "Looking up a key means reading everything. Attic rebuilds the index "
			     "when it opens the repository.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_RECOVER,
	},
	[PROBLEM_INDEX_UNREADABLE] = {
		.id = "index-unreadable",
		.found = "the index cannot be read",
		.meaning = "No permission, a failing disk, or no ordinary file. When the disk is "
			   "sound, recover makes a new one from the log.",
		.stake = "Attic cannot open the repository.",
		.meanwhile = "The log can be read here without it.",
		.means_by_cause = true,
		.severity = SEVERITY_ERROR, .repair = REPAIR_RECOVER,
	},
	[PROBLEM_INDEX_HEADER] = {
		.id = "index-header",
		.found = "the header of the index makes no sense",
		.meaning = "Its magic, counts or sizes are not those of an index. Recover makes a "
			   "new one from the log.",
		.stake = "Attic fails on it or, worse, believes it.",
		.meanwhile = "The log can be read here without it. Do not run Attic on it.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_RECOVER,
	},
	[PROBLEM_INDEX_LENGTH] = {
		.id = "index-length",
		.found = "the index is not as long as its header says",
		.meaning = "It was cut short, or something was appended. Recover makes a new one "
			   "from the log.",
		.stake = "Attic fails on it, or no longer finds some keys.",
		.meanwhile = "The log can be read here without it. Do not let Attic open it.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_RECOVER,
	},
	[PROBLEM_INDEX_STALE] = {
		.id = "index-stale",
		.found = "the index is older than the last transaction",
		.meaning = "A writer stopped between its COMMIT and the index, or segments of "
			   "higher numbers came from elsewhere. Recover brings the index up to the "
			   "log.",
		.stake = "Nothing, as long as no segment is damaged.",
		.meanwhile = "The newest objects are not found through it. Attic mends this when "
			     "it opens the repository, where it can read all of the log.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_RECOVER,
	},
	[PROBLEM_INDEX_TOO_NEW] = {
		.id = "index-too-new",
		.found = "the index belongs to a transaction that is not in the log",
		.meaning = "Segments are missing at the end, or the index is from another copy. "
			   "If no segments can be found, recover makes one that fits the log.",
		.stake = "Attic starts from this index when it recovers; its mappings then lead "
			 "nowhere.",
		.meanwhile = "The log can be read. Look for missing segments before any repair.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_RECOVER,
	},
	[PROBLEM_INDEX_FOREIGN] = {
		.id = "index-foreign",
		.found = "the index does not fit the log",
		.meaning = "It is of another repository, of an earlier time, or damaged, whatever "
			   "its number says. Only the log is believed; recover writes a new index "
			   "from it.",
		.stake = "The client believes it, finds objects missing that are there, and its "
			 "compaction can then delete live objects.",
		.meanwhile = "Make no backup before this is repaired.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_RECOVER,
	},
	[PROBLEM_INDEX_OLD] = {
		.id = "index-old",
		.found = "an older index lies beside the newest",
		.meaning = "A writer stopped before it tidied up. The next commit removes it.",
		.stake = "Nothing happens.",
		.meanwhile = "The repository can be used.",
		.severity = SEVERITY_INFO, .repair = REPAIR_NONE,
	},
	[PROBLEM_INDEX_COUNT] = {
		.id = "index-count",
		.found = "the index does not hold as many keys as its header says",
		.meaning = "The header or some buckets were changed. Recover makes a new index "
			   "from the log.",
		.stake = "The index may grow too late and fill up.",
		.meanwhile = "Objects can be read. Recover before the next backup.",
		.severity = SEVERITY_WARNING, .repair = REPAIR_RECOVER,
	},
	[PROBLEM_INDEX_DUPLICATE] = {
		.id = "index-duplicate",
		.found = "a key is in the index more than once",
		.meaning = "Only the first is ever found; a delete would uncover the second. "
			   "Recover makes a new index from the log.",
		.stake = "A deleted or older object may come back.",
		.meanwhile = "Objects can be read. Recover before the next backup.",
		.severity = SEVERITY_WARNING, .repair = REPAIR_RECOVER,
	},
	[PROBLEM_INDEX_UNREACHABLE] = {
		.id = "index-unreachable",
		.found = "a key is in the index where no look-up reaches it",
		.meaning = "An empty bucket lies between the key and its home, so its object "
			   "seems not to be there. Recover makes a new index from the log.",
		.stake = "The object is stored again, or missing when it is needed.",
		.meanwhile = "Other objects can be read. Recover before the next backup.",
		.severity = SEVERITY_WARNING, .repair = REPAIR_RECOVER,
	},
	[PROBLEM_INDEX_DEGENERATE] = {
		.id = "index-degenerate",
		.found = "the index has hardly a free bucket between its keys",
		.meaning = "A look-up has to pass over most of it. No writer leaves it like that; "
			   "recover makes a new index from the log, unless the keys themselves "
			   "begin too much alike.",
		.stake = "Every look-up crawls, and Attic may seem to hang.",
		.meanwhile = "It can be viewed here. Recover before anything else uses it.",
		.severity = SEVERITY_WARNING, .repair = REPAIR_RECOVER,
	},
	[PROBLEM_INDEX_MAPPING] = {
		.id = "index-mapping-wrong",
		.found = "the index leads to something other than the key's newest PUT",
		.meaning = "The index does not agree with the log. As the log is the truth, "
			   "recover makes a new index from it.",
		.stake = "The object cannot be read, or an older one is read in its place.",
		.meanwhile = "Other objects can be read. Let nothing write to it.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_RECOVER,
	},
	[PROBLEM_INDEX_KEY_MISSING] = {
		.id = "index-key-missing",
		.found = "the log holds an object that the index does not know",
		.meaning = "The object is whole and cannot be found. Recover makes a new index "
			   "from the log.",
		.stake = "The object seems lost; a compaction would throw it away.",
		.meanwhile = "Other objects can be read. Let nothing write to it.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_RECOVER,
	},
	[PROBLEM_INDEX_KEY_DELETED] = {
		.id = "index-key-deleted",
		.found = "the index lists an object that was deleted",
		.meaning = "The index does not agree with the log. Recover makes a new index from "
			   "the log.",
		.stake = "New backups may rely on an object that the next compaction removes.",
		.meanwhile = "Other objects can be read. Let nothing write to it.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_RECOVER,
	},
	[PROBLEM_HINTS_MISSING] = {
		.id = "hints-missing",
		.found = "there are no hints",
		.meaning = "The hints only count what is live in each segment. Recover counts "
			   "again.",
		.stake = "Attic can read the repository, but its next backup fails. No object is "
			 "in danger.",
		.meanwhile = "Everything can be read here.",
		.severity = SEVERITY_WARNING, .repair = REPAIR_RECOVER,
	},
	[PROBLEM_HINTS_UNREADABLE] = {
		.id = "hints-unreadable",
		.found = "the hints cannot be read",
		.meaning = "No permission, a failing disk, no ordinary file, or too large. When "
			   "the disk is sound, recover writes new ones.",
		.stake = "Attic can read the repository, but its next backup fails. No object is "
			 "in danger.",
		.meanwhile = "Everything can be read here.",
		.means_by_cause = true,
		.severity = SEVERITY_WARNING, .repair = REPAIR_RECOVER,
	},
	[PROBLEM_HINTS_FORMAT] = {
		.id = "hints-format",
		.found = "the hints are not what Attic writes",
		.meaning = "The file is damaged or cut short. It only counts what is live in each "
			   "segment; recover counts again.",
		.stake = "Attic can read the repository, but its next backup fails. No object is "
			 "in danger.",
		.meanwhile = "Everything can be read here.",
		.severity = SEVERITY_WARNING, .repair = REPAIR_RECOVER,
	},
	[PROBLEM_HINTS_VERSION] = {
		.id = "hints-version",
		.found = "the version of the hints is not 1",
		.meaning = "Either another program wrote them, or the file is damaged. Recover "
			   "writes new ones.",
		.stake = "Attic can read the repository, but its next backup fails. No object is "
			 "in danger.",
		.meanwhile = "Everything can be read here.",
		.severity = SEVERITY_WARNING, .repair = REPAIR_RECOVER,
	},
	[PROBLEM_HINTS_STALE] = {
		.id = "hints-stale",
		.found = "the hints are older than the last transaction",
		.meaning = "A writer stopped between its COMMIT and the hints, or segments of "
			   "higher numbers came from elsewhere. Recover counts again.",
		.stake = "A compaction by these counts would fail. No object is in danger.",
		.meanwhile = "Everything can be read.",
		.severity = SEVERITY_WARNING, .repair = REPAIR_RECOVER,
	},
	[PROBLEM_HINTS_TOO_NEW] = {
		.id = "hints-too-new",
		.found = "the hints belong to a transaction that is not in the log",
		.meaning = "Segments are missing at the end, or the hints are from another copy. "
			   "If no segments can be found, recover counts again.",
		.stake = "Nothing beyond the loss of the missing segments.",
		.meanwhile = "The log can be read. Look for missing segments before any repair.",
		.severity = SEVERITY_WARNING, .repair = REPAIR_RECOVER,
	},
	[PROBLEM_HINTS_OLD] = {
		.id = "hints-old",
		.found = "older hints lie beside the newest",
		.meaning = "A writer stopped before it tidied up. The next commit removes them.",
		.stake = "Nothing happens.",
		.meanwhile = "The repository can be used.",
		.severity = SEVERITY_INFO, .repair = REPAIR_NONE,
	},
	[PROBLEM_HINTS_COUNT] = {
		.id = "hints-count-wrong",
		.found = "the hints do not agree with what the segment holds",
		.meaning = "The count of live objects, or the list of what to compact, is wrong. "
			   "Recover counts again.",
		.stake = "A compaction by wrong counts stops half-way or, where the count is too "
			 "low, may delete live objects.",
		.meanwhile = "Everything can be read. Recover before the next backup.",
		.severity = SEVERITY_WARNING, .repair = REPAIR_RECOVER,
	},
	[PROBLEM_HINTS_QUOTA] = {
		.id = "hints-quota",
		.found = "the hints count the use of the quota wrongly",
		.meaning = "They say how many bytes of the storage quota are used, and the log "
			   "says otherwise. Borg believes them. Recover counts once more.",
		.stake = "Borg may refuse to write though there is room, or write more than is "
			 "allowed.",
		.meanwhile = "The objects are safe.",
		.severity = SEVERITY_WARNING,
		.repair = REPAIR_RECOVER,
	},
	[PROBLEM_HINTS_SHADOW] = {
		.id = "hints-shadow",
		.found = "the hints deny an old version of a deleted object that is there",
		.meaning = "Borg's next compaction would drop the DELETE of the object; when the "
			   "index is made once more after that, the object is back. Versions of "
			   "Borg before 1.2.7 write such hints themselves. Recover writes hints "
			   "that keep every DELETE.",
		.stake = "Deleted objects may come back and take up space.",
		.meanwhile = "Backups can go on; do not run borg compact.",
		.severity = SEVERITY_WARNING,
		.repair = REPAIR_RECOVER,
	},
	[PROBLEM_INTEGRITY_MISSING] = {
		.id = "integrity-missing",
		.found = "there is no file integrity of the newest transaction",
		.meaning = "It holds the digests of index and hints. Borg goes on without it and "
			   "would not notice damage in them. Recover writes it.",
		.stake = "Damage in index or hints would go unnoticed.",
		.meanwhile = "Borg can use the repository.",
		.severity = SEVERITY_WARNING,
		.repair = REPAIR_RECOVER,
	},
	[PROBLEM_INTEGRITY_UNREADABLE] = {
		.id = "integrity-unreadable",
		.found = "the file integrity cannot be read",
		.meaning = "There is no permission, the disk is failing, or it is not an ordinary "
			   "file.",
		.stake = "Borg fails on it, whatever it is asked to do.",
		.meanwhile = "It can be viewed here.",
		.severity = SEVERITY_WARNING,
		.repair = REPAIR_RECOVER,
	},
	[PROBLEM_INTEGRITY_FORMAT] = {
		.id = "integrity-format",
		.found = "the file integrity is damaged",
		.meaning = "Borg ends with an exception when it reads the file, whatever it is "
			   "asked to do. Recover writes it once more; index and hints may be "
			   "whole.",
		.stake = "Every command of Borg fails.",
		.meanwhile = "It can be viewed here. No object is in danger.",
		.severity = SEVERITY_ERROR,
		.repair = REPAIR_RECOVER,
	},
	[PROBLEM_INTEGRITY_VERSION] = {
		.id = "integrity-version",
		.found = "the file integrity is of a version or an algorithm that is not known",
		.meaning = "Borg warns and goes on without comparing digests. Recover writes it in "
			   "the form that every version of Borg reads.",
		.stake = "Damage in index or hints would go unnoticed.",
		.meanwhile = "Borg can use the repository.",
		.severity = SEVERITY_WARNING,
		.repair = REPAIR_RECOVER,
	},
	[PROBLEM_INTEGRITY_DIGEST] = {
		.id = "integrity-mismatch",
		.found = "a file does not have the digest that the file integrity holds of it",
		.meaning = "The file, or the digest, is damaged or of another transaction. Borg "
			   "removes index and hints then and makes them again from the whole log, "
			   "which takes long. Recover does the same here.",
		.stake = "None for the objects.",
		.meanwhile = "Borg can use the repository, after a long first start.",
		.severity = SEVERITY_WARNING,
		.repair = REPAIR_RECOVER,
	},
	[PROBLEM_INTEGRITY_OLD] = {
		.id = "integrity-old",
		.found = "a file integrity of an older transaction is left",
		.meaning = "Its digests are of files that are gone. Borg passes over it.",
		.stake = "None.",
		.meanwhile = "The repository can be used.",
		.severity = SEVERITY_INFO,
		.repair = REPAIR_NONE,
	},
	[PROBLEM_COMPACT_PENDING] = {
		.id = "compact-pending",
		.found = "segments hold objects that were replaced or deleted",
		.meaning = "A writer stopped before it compacted. Compact copies what is live and "
			   "frees the rest of the space.",
		.stake = "Space on the disk stays wasted, nothing else.",
		.meanwhile = "The repository can be used.",
		.severity = SEVERITY_INFO, .repair = REPAIR_COMPACT,
	},
	[PROBLEM_SEGMENT_EMPTIED] = {
		.id = "segment-emptied",
		.found = "a compaction emptied the segment and did not remove it",
		.meaning = "The compaction was interrupted, or the file could not be removed. "
			   "Nothing refers to the segment. The next commit of this program, or "
			   "compact, removes it.",
		.stake = "Space on the disk stays wasted. Attic leaves the segment where it is.",
		.meanwhile = "The repository can be used.",
		.severity = SEVERITY_INFO, .repair = REPAIR_COMPACT,
	},
	[PROBLEM_APPEND_ONLY] = {
		.id = "append-only",
		.found = "the repository is in append-only mode",
		.meaning = "Nothing that was written is ever removed, so that a client that was "
			   "taken over can be undone: every transaction is still there. Compaction "
			   "is forbidden.",
		.stake = "None. Superseded entries take up space.",
		.meanwhile = "The repository can be used.",
		.severity = SEVERITY_INFO,
		.repair = REPAIR_NONE,
	},
	[PROBLEM_NONCE] = {
		.id = "nonce-damaged",
		.found = "the file nonce does not hold 16 hex digits",
		.meaning = "It is the next number of the counter that encrypts. Borg fails on it "
			   "at the next backup. Do not remove it while a client of the "
			   "repository may know less: a number that is used twice breaks the "
			   "encryption. Each client keeps its own copy in its security folder; "
			   "write the highest of these.",
		.stake = "The next backup into an encrypted repository fails.",
		.meanwhile = "Everything can be read.",
		.severity = SEVERITY_INFO,
		.repair = REPAIR_NONE,
	},
	[PROBLEM_REPAIR_INTERRUPTED] = {
		.id = "repair-interrupted",
		.found = "a repair was cut short",
		.meaning = "What it had moved aside by then lies in this folder. The repair that "
			   "is recommended now finishes its work; undo takes back what it did. If "
			   "you want neither, undo --purge NAME removes the folder.",
		.stake = "Nothing happens: at every moment of a repair each object has an entry.",
		.meanwhile = "It can be used, unless another problem forbids that.",
		.severity = SEVERITY_INFO, .repair = REPAIR_NONE,
	},
	[PROBLEM_UNDO_INTERRUPTED] = {
		.id = "undo-interrupted",
		.found = "taking a repair back was cut short",
		.meaning = "Part of what the repair had moved aside is back in its place. Running "
			   "undo again finishes that. If it refuses, because something was "
			   "written since, repair what is found, and remove the folder with undo "
			   "--purge NAME.",
		.stake = "No object is lost, but the repository is neither as the repair left it "
			 "nor as it was before.",
		.meanwhile = "Let nothing write to it: undo refuses what was written since.",
		.severity = SEVERITY_INFO, .repair = REPAIR_NONE,
	},
	[PROBLEM_UNDO_UNREADABLE] = {
		.id = "undo-unreadable",
		.found = "what a repair set aside cannot be taken back",
		.meaning = "There is no manifest that says what belongs where, or it is damaged, "
			   "or the folder cannot be read. A purge or an undo that was cut short "
			   "leaves such a folder; nothing in it is needed then. undo --purge NAME "
			   "removes it.",
		.stake = "The folder takes space. The repository itself is not touched by this.",
		.meanwhile = "It can be used, unless another problem speaks against that.",
		.severity = SEVERITY_INFO, .repair = REPAIR_NONE,
	},
	[PROBLEM_UNSTABLE_READ] = {
		.id = "unstable-read",
		.found = "two readings of the same bytes differ",
		.meaning = "The machine is at fault, not only the file: memory, cable, controller "
			   "or disk. Test the memory, and read the repository on another machine.",
		.stake = "Any repair on this machine may write wrong bytes.",
		.meanwhile = "Do not write anything with this machine.",
		.severity = SEVERITY_ERROR, .repair = REPAIR_NONE,
	},
	[PROBLEM_WRITER] = {
		.id = "writer-active",
		.found = "another process holds the exclusive lock and may be writing",
		.meaning = "A backup or a repair is at work. What is read meanwhile may be half "
			   "done: wait until it is done and read again.",
		.stake = "Nothing happens, as long as nobody else writes.",
		.meanwhile = "It is in use. Change nothing.",
		.severity = SEVERITY_INFO, .repair = REPAIR_NONE,
	},
	[PROBLEM_LOCK_UNKNOWN] = {
		.id = "lock-unknown",
		.found = "a process that cannot be seen from here holds a lock",
		.meaning = "Only on the machine that the lock names can be seen whether the "
			   "process is alive. If it is, what looks like an unfinished transaction "
			   "may be a backup that runs right now.",
		.stake = "If the process is gone, nobody can write until its lock is removed.",
		.meanwhile = "It may be in use. Change nothing.",
		.severity = SEVERITY_INFO, .repair = REPAIR_NONE,
	},
	[PROBLEM_LOCK_DAMAGED] = {
		.id = "lock-damaged",
		.found = "what lies in the place of the lock names no process",
		.meaning = "Nobody can tell whether the repository is in use. The backup program "
			   "may fail at it with every command.",
		.stake = "Nobody can write until it is removed.",
		.meanwhile = "It may be in use. Change nothing.",
		.means_by_cause = true,
		.severity = SEVERITY_WARNING, .repair = REPAIR_NONE,
	},
	[PROBLEM_LOCK_STALE] = {
		.id = "lock-stale",
		.found = "a process that is gone has left its lock",
		.meaning = "The process was killed, or the machine went down. The next program "
			   "that writes removes the lock by itself.",
		.stake = "None.",
		.meanwhile = "Use it as always.",
		.severity = SEVERITY_INFO, .repair = REPAIR_NONE,
	},
	[PROBLEM_CHANGED] = {
		.id = "changed-meanwhile",
		.found = "the repository changed while it was read",
		.meaning = "Another program wrote to it. What was found may be half old and half "
			   "new: wait until that program is done, and check again.",
		.stake = "Nothing happens; only this result cannot be relied on.",
		.meanwhile = "The repository can be used; let one program write at a time.",
		.severity = SEVERITY_WARNING, .repair = REPAIR_NONE,
	},
};

const char manifest_lost_text[] =
	"The key of zeros is that of the manifest, the list of all archives. Attic lists no "
	"archive without it; attic check --repair makes it again from the other objects, in which "
	"the archives still are.";

bool finding_is_of_lost_manifest(const struct finding *finding)
{
	return finding->problem == PROBLEM_OBJECT_LOST && finding->has_key &&
	       key_is_manifest(finding->key);
}

const char *severity_name(enum severity severity)
{
	static const char *const names[] = {
		[SEVERITY_INFO] = "info", [SEVERITY_WARNING] = "warning",
		[SEVERITY_ERROR] = "error",
	};
	return names[severity];
}

const char *repair_name(enum repair repair)
{
	static const char *const names[REPAIR_COUNT + 1] = {
		[REPAIR_RECOVER] = "recover", [REPAIR_ROLLBACK] = "rollback",
		[REPAIR_COMPACT] = "compact", [REPAIR_SALVAGE] = "salvage",
	};
	return names[repair];
}

void findings_init(struct findings *findings)
{
	*findings = (struct findings){ .rows = NULL };
}

void findings_free(struct findings *findings)
{
	free(findings->rows);
	findings_init(findings);
}

struct finding finding_of(enum problem problem)
{
	return (struct finding){
		.problem = problem,
		.severity = problem_table[problem].severity,
		.repair = problem_table[problem].repair,
		.segment = FINDING_NOWHERE,
		.offset = FINDING_NOWHERE,
		.length = FINDING_NOWHERE,
	};
}

static int compare_numbers(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* Two findings are equal only when they say the same, so that the order is one and the bound keeps
 * the same rows whatever order they came in. */
static int compare_findings(const void *left, const void *right)
{
	const struct finding *a = left;
	const struct finding *b = right;
	int order = compare_numbers(b->severity, a->severity);
	if (order == 0)
		order = compare_numbers(a->problem, b->problem);
	if (order == 0)
		order = compare_numbers(a->segment, b->segment);
	if (order == 0)
		order = compare_numbers(a->offset, b->offset);
	if (order == 0)
		order = compare_numbers(a->has_key, b->has_key);
	if (order == 0 && a->has_key)
		order = memcmp(a->key, b->key, KEY_SIZE);
	if (order == 0)
		order = strcmp(a->detail, b->detail);
	if (order == 0)
		order = compare_numbers(a->length, b->length);
	if (order == 0)
		order = compare_numbers(a->repair, b->repair);
	return order;
}

void findings_sort(struct findings *findings)
{
	if (findings->count == 0)
		return;
	qsort(findings->rows, findings->count, sizeof(*findings->rows), compare_findings);

	uint32_t kept[PROBLEM_COUNT] = { 0 };
	size_t count = 0;
	for (size_t i = 0; i < findings->count; i++) {
		const enum problem problem = findings->rows[i].problem;
		if (kept[problem] == FINDINGS_KEPT)
			continue;
		findings->rows[count++] = findings->rows[i];
		if (++kept[problem] == FINDINGS_KEPT)
			findings->last[problem] = (uint32_t)count;
	}
	findings->count = count;
	memcpy(findings->kept, kept, sizeof(kept));
}

/* Put the row into the list, unless it lies behind the last of those that will be kept anyhow. */
static enum as_err keep(struct findings *findings, const struct finding *finding)
{
	const enum problem problem = finding->problem;
	const uint32_t last = findings->last[problem];
	if (last > 0 && compare_findings(finding, &findings->rows[last - 1]) >= 0)
		return AS_OK;
	if (findings->kept[problem] == 2 * FINDINGS_KEPT)
		findings_sort(findings);
	if (!ARRAY_RESERVE(findings->rows, findings->count, findings->capacity))
		return AS_ERR_MEMORY;
	findings->rows[findings->count++] = *finding;
	findings->kept[problem]++;
	return AS_OK;
}

enum as_err findings_add(struct findings *findings, const struct finding *finding)
{
	if (!findings)
		return AS_OK;
	findings->total[finding->problem]++;
	return keep(findings, finding);
}

enum as_err findings_note(struct findings *findings, enum problem problem, int64_t segment,
			  int64_t offset, const char *format, ...)
{
	struct finding finding = finding_of(problem);
	finding.segment = segment;
	finding.offset = offset;
	va_list args;
	va_start(args, format);
	vsnprintf(finding.detail, sizeof(finding.detail), format, args);
	va_end(args);
	return findings_add(findings, &finding);
}

enum as_err findings_note_unread(struct findings *findings, enum problem problem,
				 const struct as_error *error)
{
	struct finding finding = finding_of(problem);
	finding.cause = cause_of(error->code);
	if (finding.cause == CAUSE_DENIED)
		finding.repair = REPAIR_NONE;
	snprintf(finding.detail, sizeof(finding.detail), "%.*s", FINDING_DETAIL_MAX - 1,
		 error->message);
	return findings_add(findings, &finding);
}

enum finding_cause cause_of(enum as_err err)
{
	switch (err) {
	case AS_ERR_DENIED:
		return CAUSE_DENIED;
	case AS_ERR_DOES_NOT_EXIST:
		return CAUSE_ABSENT;
	case AS_ERR_NOT_REGULAR:
		return CAUSE_KIND;
	case AS_ERR_IO:
		return CAUSE_DISK;
	default:
		return CAUSE_UNKNOWN;
	}
}

const char *finding_meaning(const struct finding *finding)
{
	static const char *const meanings[] = {
		[CAUSE_DENIED] = "A permission to read it is missing, and nothing may be wrong "
				 "with it. The problem says whose it is and who is asking: run "
				 "this as its owner, or give the permission.",
		[CAUSE_ABSENT] = "It is not there. Look first whether the disk that it lies on is "
				 "mounted, then for a copy.",
		[CAUSE_KIND] = "A link, or something else that is neither file nor folder, has its "
			       "name; it was not followed or opened. Find out who put it there, "
			       "and move it away.",
		[CAUSE_DISK] = "The system cannot read it, as with a failing disk. That is not the "
			       "same as lost: copy the disk (ddrescue), and look at the copy.",
	};
	const struct problem_info *info = &problem_table[finding->problem];
	return info->means_by_cause && meanings[finding->cause] ? meanings[finding->cause]
								: info->meaning;
}

enum as_err findings_merge(struct findings *findings, const struct findings *from)
{
	for (size_t i = 0; i < PROBLEM_COUNT; i++)
		findings->total[i] += from->total[i];
	for (size_t i = 0; i < from->count; i++) {
		const enum as_err err = keep(findings, &from->rows[i]);
		if (err != AS_OK)
			return err;
	}
	return AS_OK;
}

void findings_drop(struct findings *findings, enum problem problem)
{
	size_t count = 0;
	for (size_t i = 0; i < findings->count; i++)
		if (findings->rows[i].problem != problem)
			findings->rows[count++] = findings->rows[i];
	findings->count = count;
	findings->total[problem] = 0;
	findings->kept[problem] = 0;
	findings->last[problem] = 0;
	findings_sort(findings);	/* the rows have moved: find the last ones again */
}

/* "segment 17, offset 5754, key 00112233445566..: found (detail)", as much of it as the finding
 * has. The beginning of a key is enough for every command that takes one. */
void finding_message(const struct finding *finding, char *out, size_t size)
{
	char segment[40] = "", offset[40] = "", key[60] = "", place[140];
	char detail[FINDING_DETAIL_MAX];
	const char *found = problem_table[finding->problem].found;
	if (finding->segment != FINDING_NOWHERE)
		snprintf(segment, sizeof(segment), "segment %lld, ",
			 (long long)finding->segment);
	if (finding->offset != FINDING_NOWHERE)
		snprintf(offset, sizeof(offset), "offset %lld, ", (long long)finding->offset);
	if (finding->has_key) {
		char hex[KEY_HEX_SIZE];
		key_to_hex(finding->key, hex);
		snprintf(key, sizeof(key), "key %.16s..%s, ", hex, key_note(finding->key));
	}
	snprintf(place, sizeof(place), "%s%s%s", segment, offset, key);
	const size_t len = strlen(place);
	if (len > 0)
		memcpy(place + len - 2, ": ", 2);
	if (finding->detail[0] == '\0') {
		snprintf(out, size, "%s%s", place, found);
		return;
	}
	snprintf(detail, sizeof(detail), "%s", finding->detail);
	for (char *c = detail; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	snprintf(out, size, "%s%s (%s)", place, found, detail);
}
