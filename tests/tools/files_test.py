"""verify and dump: what lies in the files, and what is wrong with them."""
import os
import re
import unittest

from harness import ToolTest

SEGMENT = "topics/t-0/00000000000000000000.log"


class Files(ToolTest):
    def path(self, name):
        return os.path.join(self.data, name)

    def change(self, name, at, change=lambda byte: byte ^ 0xff):
        with open(self.path(name), "r+b") as file:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([change(byte)]))

    def truncate(self, name, size):
        os.truncate(self.path(name), size)

    def segments(self, partition="t-0"):
        folder = self.path("topics/" + partition)
        return sorted("topics/" + partition + "/" + name for name in os.listdir(folder))

    def batches(self):
        """Position, size and offsets of every batch of t-0, as dump says."""
        return [tuple(map(int, found)) for found in
                re.findall(r"byte=(\d+) size=(\d+) offsets=(\d+)\.\.(\d+)", self.done("dump", "--no-journal", "--topic", "t").out)]

    def violated(self, *sentences):
        answer = self.tool("verify")
        self.assertEqual(answer.status, 1, answer.out + answer.err)
        for sentence in sentences:
            self.assertIn(sentence, answer.out)
        return answer.out

    def sound(self, *notes):
        out = self.done("verify").out
        self.assertIn(": 0 problems", out)
        for note in notes:
            self.assertIn(note, out)
        return out

    def test_a_sound_log_is_called_so(self):
        self.prepared("topic t 2", "topic z 1 compression.type=zstd", "put t 0 k a", "odd t", "put z 0 k v", "begin t 1 x", "commit",
                      "begin t 1 y", "abort", "position app t 0 1")
        self.assertEqual(self.sound(), "2 topics, 3 partitions, 7 batches, 5 records, "
                         f"{sum(os.path.getsize(self.path(s)) for p in ('t-0', 't-1', 'z-0') for s in self.segments(p))} bytes: 0 problems\n")

    def test_a_flipped_bit_is_found_with_its_file_and_byte(self):
        self.prepared("topic t 1", "put t 0 - first", "put t 0 - second", "put t 0 - third")
        position, size, offset, _ = self.batches()[1]
        self.change(SEGMENT, position + size - 3)
        self.violated(f"PROBLEM: t-0: {SEGMENT} byte {position} (offset {offset}): ", "checksum differs", "1 problems")
        lines = self.done("dump", "--no-journal").lines
        self.assertIn("PROBLEM: record batch at offset 1: checksum differs", lines[3])
        self.assertIn("offsets=2..2", lines[4])
        self.assertTrue(lines[4].endswith("crc=ok"))

    def test_a_header_that_cannot_be_believed_ends_the_partition(self):
        self.prepared("topic t 1", "put t 0 - first", "put t 0 - second", "put t 0 - third")
        position = self.batches()[1][0]
        self.change(SEGMENT, position + 16)  # the magic byte
        self.violated("magic is not 2", "what follows up to offset 3 was not looked at")

    def test_a_lost_end_is_found(self):
        self.prepared("topic t 1", "put t 0 - first", "put t 0 - second")
        self.truncate(SEGMENT, self.batches()[1][0])
        self.violated("t-0: the segments end at offset 1, the last commit at 2: the records between are lost")

    def test_an_end_that_the_journal_still_holds_is_only_mentioned(self):
        self.owner().do("topic t 1", "put t 0 - first", "put t 0 - second").kill()
        self.truncate(SEGMENT, self.batches()[1][0])
        self.sound("note: t-0: the segments end at offset 1, the last commit at 2; the journal holds the records between")
        self.assertEqual(self.values("t"), ["first", "second"])

    def test_what_lies_behind_the_last_commit_is_only_mentioned(self):
        self.prepared("topic t 1", "put t 0 - first")
        size = os.path.getsize(self.path(SEGMENT))
        with open(self.path(SEGMENT), "ab") as file:
            file.write(b"half of a batch, then the power went")
        self.sound(f"note: t-0: there are 36 bytes behind the last commit, at byte {size} of {SEGMENT}")
        self.assertIn("PROBLEM: cut short", self.done("dump", "--topic", "t").out)
        self.assertEqual(self.values("t"), ["first"])

    def test_a_missing_segment_is_found(self):
        self.prepared("topic t 1 segment.bytes=100", *[f"put t 0 - value-{i}" for i in range(5)])
        first, second, third, *_ = self.segments()
        self.sound()
        os.rename(self.path(second), self.path("second"))
        self.violated(f"{third} begins at offset 2; what is before it ends at 1")
        os.rename(self.path("second"), self.path(second))
        os.remove(self.path(first))
        self.violated("the offsets 0 to 0 are missing at its front")

    def test_gaps_that_compaction_made_are_none(self):
        puts = [f"put t 0 key-{i % 2} value-{i}" for i in range(20)]
        self.prepared("topic t 1 cleanup.policy=compact segment.bytes=300 min.cleanable.dirty.ratio=0", *puts, "background")
        self.assertLess(len(self.values("t")), 20)
        self.sound()
        self.assertRegex(self.done("dump", "--topic", "t").out, r"partition=t-0 end=20 start=0 epoch=\d+ cleaned=\d+")
        # The first batch that compaction has left something of.
        [segment, position] = re.search(r"  (topics/\S+) size=\d+\n(?:    byte=.*records=0.*\n)*    byte=(\d+) .*records=1",
                                        self.done("dump", "--no-journal").out).groups()
        self.change(segment, int(position) + 65)
        self.violated(f"{segment} byte {position} ", "checksum differs")

    def test_deleted_records_are_not_missed(self):
        self.prepared("topic t 1 segment.bytes=100 retention.bytes=200", *[f"put t 0 - value-{i}" for i in range(9)], "background")
        self.assertLess(len(self.values("t")), 9)
        self.sound()

    def test_a_missing_partition_is_found(self):
        self.prepared("topic t 1", "put t 0 - first")
        os.remove(self.path(SEGMENT))
        os.rmdir(self.path("topics/t-0"))
        self.violated("t-0: the segments end at offset 0, the last commit at 1: the records between are lost")

    def test_a_batch_twice_is_found(self):
        self.prepared("topic t 1", "put t 0 - first", "put t 0 - second")
        with open(self.path(SEGMENT), "r+b") as file:
            first = file.read(self.batches()[1][0])
            file.seek(len(first))
            file.write(first)
            file.truncate()
        self.violated("it should not come before offset 1")

    def test_a_marker_without_transaction_is_found(self):
        self.prepared("topic t 1", "put t 0 - first", "begin t 0 second", "commit")
        begin, size, offset, _ = self.batches()[1]
        # The transactional batch becomes one of another producer; the checksum covers its producer's id.
        with open(self.path(SEGMENT), "r+b") as file:
            file.seek(begin)
            batch = bytearray(file.read(size))
            batch[50] ^= 1
            batch[17:21] = crc32c(bytes(batch[21:])).to_bytes(4, "big")
            file.seek(begin)
            file.write(batch)
        self.violated("a marker (commit) of producer", "which has no transaction here")

    def test_a_position_behind_the_end_is_found(self):
        self.prepared("topic t 1", "put t 0 - first", "position app t 0 9")
        self.violated("group app: its position in t-0 is 9, behind the partition's end 1")

    def test_a_damaged_journal_entry_in_the_middle_is_found(self):
        self.owner().do("topic t 1", "put t 0 - first", "put t 0 - second", "put t 0 - third").kill()
        out = self.done("dump", "--topic", "t").out
        current = re.search(r"(\S+) current", out).group(1)
        entries = re.findall(r"entry=\d+ byte=(\d+) size=\d+ commit", out)
        self.assertEqual(len(entries), 3)
        self.change(current, int(entries[1]) + 30)
        self.violated(f"{current}: the entry at byte {entries[1]} is damaged, though it was synced")

    def test_a_lost_journal_is_found(self):
        self.prepared("topic t 1", "put t 0 - first")
        for name in ("journal-a", "journal-b"):
            self.truncate("journal/" + name, 0)
        self.violated("journal: there is no entry that can be read")

    def test_only_the_first_problems_are_listed(self):
        self.prepared("topic t 40", *[f"put t {i} - v" for i in range(40)])
        for i in range(40):
            self.change(f"topics/t-{i}/00000000000000000000.log", 65)
        out = self.violated("and 20 more", "40 problems")
        self.assertEqual(out.count("PROBLEM: "), 20)

    def test_leftovers_are_only_mentioned(self):
        self.prepared("topic t 1")
        os.mkdir(self.path("topics/gone-3"))
        self.sound("note: gone-3: is not in the journal")
        self.assertIn("gone-3 not in the journal", self.done("dump").out)

    def test_dump_shows_batches_transactions_and_codecs(self):
        self.prepared("topic t 1 compression.type=lz4", "put t 0 k v", "begin t 0 x", "abort", "begin t 0 y", "commit")
        lines = self.done("dump", "--no-journal", "--records").lines
        self.assertEqual(lines[0], "t-0 start=0 end=5 epoch=0")
        self.assertIn(SEGMENT + " size=", lines[1])
        batches = [line for line in lines if " offsets=" in line]
        self.assertEqual([re.search(r"offsets=(\S+)", b).group(1) for b in batches], ["0..0", "1..1", "2..2", "3..3", "4..4"])
        self.assertEqual([" transactional" in b for b in batches], [False, True, True, True, True])
        self.assertEqual([re.search(r"control=(\w+)", b).group(1) for b in batches if "control" in b], ["abort", "commit"])
        self.assertIn("compression=lz4", batches[0])
        self.assertIn("records=1", batches[0])
        self.assertRegex(batches[1], r"producer=\d+ producer_epoch=0 sequence=0")
        self.assertTrue(all(b.endswith(" crc=ok") for b in batches))
        self.assertIn('"key":"k","value":"v"', lines[3])

    def test_dump_shows_the_journal(self):
        self.owner().do("topic t 1 retention.ms=5", "put t 0 k v", "position app t 0 1").kill()
        out = self.done("dump").out
        self.assertRegex(out, r"journal/journal-[ab] current entries=4 ends_at_byte=\d+")
        self.assertRegex(out, r"entry=\d+ byte=0 size=\d+ checkpoint synced=\d+ next_producer=\d+")
        self.assertRegex(out, r"topic created synced=\d+ next_producer=\d+\n      topic=t partitions=1 retention.ms=5\n")
        self.assertRegex(out, r"commit synced=\d+ next_producer=\d+\n      partition=t-0 end=1 start=0 epoch=0 batches=1 bytes=\d+\n")
        self.assertIn('group=app partition=t-0 offset=1 epoch=-1 metadata="here"', out)

    def test_dump_of_a_topic_that_is_not_there_names_the_nearest(self):
        self.prepared("topic topic 1")
        answer = self.tool("dump", "--no-journal", "--topic", "topics")
        self.assertEqual(answer.status, 1)
        self.assertIn('did you mean "topic"?', answer.err)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


if __name__ == "__main__":
    unittest.main()
