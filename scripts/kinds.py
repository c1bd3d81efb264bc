#!/usr/bin/env python3
"""Compares lockstep with zpaq -m5 on files of many kinds, generated from a seed.

Generates a tar of the small source files of this repository, a CSV, JSON lines, a
table of binary records, 16-bit sound, an image, zeros and random bytes; the program
is /bin/ls. Compresses each with `lockstep -2`, `lockstep` and `zpaq -m5`, checks that
the archives of level 2 decode to the files, and prints sizes in bytes.

    scripts/kinds.py [FOLDER]     # needs zpaq and a built lockstep (or $LOCKSTEP)
"""
import io
import json
import math
import os
import pathlib
import random
import struct
import subprocess
import sys
import tarfile
import tempfile

SEED = 11
ROOT = pathlib.Path(__file__).resolve().parent.parent
MEGABYTE = 1_000_000
WORDS = """amber basin cedar delta ember fjord grove haven inlet jetty knoll lagoon meadow north orchard
prairie quarry ridge summit thicket upland valley willow yonder""".split()


def sources(_):
    """Returns a tar of this repository's sources, about 1 MB, without attributes that differ between checkouts."""
    out = io.BytesIO()
    folders = (ROOT / name for name in ("src", "shaders", "tests", "docs", "scripts", "examples", "benches"))
    paths = sorted(path for folder in folders for path in folder.rglob("*") if path.suffix in {".rs", ".wgsl", ".md", ".py", ".sh"})
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in paths:
            content = path.read_bytes()
            if out.tell() + len(content) > MEGABYTE:
                break
            entry = tarfile.TarInfo(str(path.relative_to(ROOT)))
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def lines(line, rng):
    """Returns lines, each made by `line`, up to 1 MB."""
    out = bytearray()
    while len(out) < MEGABYTE:
        out += line(rng, len(out)).encode() + b"\n"
    return bytes(out)


def csv(rng):
    """Sensor readings: names, times, numbers that drift."""
    level = dict.fromkeys(WORDS, 20.0)

    def line(rng, at):
        name = rng.choice(WORDS)
        level[name] += rng.gauss(0, 0.2)
        day, second = divmod(at // 10, 86400)
        time = f"2026-03-{1 + day:02}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
        return f"{time},{name},{level[name]:.2f},{rng.randrange(40, 60)},{rng.choice(['ok', 'ok', 'ok', 'late'])}"

    return lines(line, rng)


def json_lines(rng):
    """Log records."""
    def line(rng, at):
        return json.dumps({
            "time": 1_770_000_000 + at // 50, "level": rng.choice(["info", "info", "info", "warning", "error"]),
            "host": f"{rng.choice(WORDS)}-{rng.randrange(4)}", "user": rng.randrange(1000, 1300),
            "path": f"/{rng.choice(WORDS)}/{rng.choice(WORDS)}", "milliseconds": round(rng.lognormvariate(3, 0.7), 1),
            "request": f"{rng.getrandbits(32):08x}"})

    return lines(line, rng)


def table(rng):
    """Positions over time, in records of 24 bytes."""
    out = bytearray()
    latitude, longitude, time, heading, speed = 473_000_000, 85_000_000, 1_770_000_000_000, 0.0, 12.0
    for number in range(20_000):
        heading += rng.gauss(0, 0.1)
        speed += rng.gauss(0, 0.05)
        latitude += int(speed * 10 * math.cos(heading))
        longitude += int(speed * 14 * math.sin(heading))
        time += rng.randrange(980, 1020)
        out += struct.pack("<qiifHH", time, latitude, longitude, speed, number % 7, rng.randrange(4, 12))
    return bytes(out)


def program(_):
    """A program of this machine."""
    return pathlib.Path("/bin/ls").read_bytes()


def sound(rng):
    """Five seconds in two channels: fading tones and noise."""
    samples = []
    for i in range(120_000):
        for channel in range(2):
            tones = sum(math.sin(i * f * (1 + 0.01 * channel)) / n for n, f in enumerate((0.031, 0.047, 0.113), 1))
            samples.append(int(6000 * tones * math.exp(-(i % 24_000) / 16_000) + rng.gauss(0, 60)))
    data = struct.pack(f"<{len(samples)}h", *samples)
    head = struct.pack("<4sI8sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVEfmt ", 16, 1, 2, 24_000, 96_000, 4, 16, b"data", len(data))
    return head + data


def image(rng):
    """A PPM image of 512 x 256 pixels: soft shapes and grain."""
    pixels = bytearray()
    for y in range(256):
        for x in range(512):
            shade = 120 + 60 * math.sin(x / 37 + y / 91) + 40 * math.cos(y / 23 - x / 71) + rng.gauss(0, 2)
            pixels += bytes(max(0, min(255, int(shade * part + rng.gauss(0, 1)))) for part in (1, 0.9, 0.75))
    return b"P6\n512 256\n255\n" + bytes(pixels)


KINDS = {
    "sources.tar": sources, "readings.csv": csv, "log.jsonl": json_lines, "positions.table": table, "program.elf": program,
    "sound.wav": sound, "image.ppm": image, "zeros": lambda _: bytes(1 << 20), "random": lambda rng: rng.randbytes(1 << 20),
}


def main():
    lockstep = os.environ.get("LOCKSTEP", ROOT / "target/release/lockstep")
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    packed = lambda *flags: subprocess.run([lockstep, "-qc", *flags], stdout=subprocess.PIPE, check=True).stdout
    print("| | bytes | lockstep -2 | lockstep | zpaq -m5 |")
    print("|---|---|---|---|---|")
    for name, make in KINDS.items():
        path = folder / name
        content = make(random.Random(f"{SEED} {name}"))
        path.write_bytes(content)
        level_2 = packed("-2", path)
        back = subprocess.run([lockstep, "-dc"], input=level_2, stdout=subprocess.PIPE, check=True).stdout
        assert back == content, name
        archive = path.with_name(name + ".zpaq")
        archive.unlink(missing_ok=True)
        subprocess.run(["zpaq", "add", archive, path, "-m5"], capture_output=True, check=True)
        print(f"| {name} | {len(content):,} | {len(level_2):,} | {len(packed(path)):,} | {archive.stat().st_size:,} |", flush=True)


if __name__ == "__main__":
    main()
