"""The engine and a peer in turns, and one table of what they reached.

    python bench/peers/turns.py RUNS.json...

Reads what the scripts of this folder wrote with --json and prints it as one Markdown table. As a module: the turns
themselves. A row is a dictionary: what, peer, unit, ours and theirs (one number a turn), load and reads (GB/s, before the
first turn and after each), bytes (that one token of ours reads from memory; 0 where that bounds nothing).
"""

import json
import os
import pathlib
import statistics
import sys
import time

PROMPT = 16
TITLES = ["", "peer", "ours: best, median (spread)", "peer: best, median (spread)", "ratio of bests, of medians, paired",
          "load", "reads, GB/s", "share of reads: best, paired"]


def tokens_per_second(model, count, prefill):
    """Of a model that decodes: `count` tokens behind a short prompt, or a prompt of `count` tokens in one call."""
    model.clear()
    prompt = [i * 7 % 1000 + 1 for i in range(count if prefill else PROMPT)]
    if not prefill:
        model.decode(prompt)
    begin = time.perf_counter()
    if prefill:
        model.decode(prompt)
    else:
        for i in range(count):
            model.decode([i + 1])
    return count / (time.perf_counter() - begin)


def take(ours, theirs, runs, reads):
    """`runs` turns of two calls that return a speed; the reads are measured between the turns, so each has its own."""
    row = {"ours": [], "theirs": [], "load": [], "reads": [reads()]}
    for _ in range(runs):
        row["ours"].append(ours())
        row["theirs"].append(theirs())
        row["load"].append(os.getloadavg()[0])
        row["reads"].append(reads())
    return row


def spread(values):
    return f"{max(values):.2f}, {statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def ratios(row):
    """Of bests, of medians, and the median of each turn's own: what the machine does meanwhile moves the last least."""
    ours, theirs = row["ours"], row["theirs"]
    return (max(ours) / max(theirs), statistics.median(ours) / statistics.median(theirs),
            statistics.median(a / b for a, b in zip(ours, theirs)))


def shares(row):
    """Of the reads: best over best, and the median of each turn over the faster of the reads on both sides of it."""
    speed = [value * row["bytes"] / 1e9 for value in row["ours"]]
    beside = [max(pair) for pair in zip(row["reads"], row["reads"][1:])]
    return max(speed) / max(row["reads"]), statistics.median(a / b for a, b in zip(speed, beside))


def line(row):
    share = ", ".join(f"{value:.0%}" for value in shares(row)) if row.get("bytes") else ""
    cells = [row["what"], row["peer"], spread(row["ours"]), spread(row["theirs"]),
             ", ".join(f"{value:.2f}" for value in ratios(row)), f"{min(row['load']):.1f}-{max(row['load']):.1f}",
             f"{min(row['reads']):.1f}-{max(row['reads']):.1f}", share]
    return f"| {' | '.join(cells)} |"


def header():
    return f"| {' | '.join(TITLES)} |\n|---|---|{'---:|' * (len(TITLES) - 2)}"


class Table:
    """Rows as they are measured; written to a file after each, so that a call cut short leaves what it has."""

    def __init__(self, path):
        self.path, self.rows = path, []
        print(header(), flush=True)

    def add(self, row):
        self.rows.append(row)
        print(line(row), flush=True)
        if self.path:
            self.path.write_text(json.dumps(self.rows, indent=1))


def threads(count):
    return f"{count} thread{'s' if count > 1 else ''}"


if __name__ == "__main__":
    print("tokens/s; the spread is of the turns")
    print(header())
    for file in sys.argv[1:]:
        for each in json.loads(pathlib.Path(file).read_text()):
            print(line(each))
