#!/usr/bin/env python3
"""Compares lockstep with a prior and zstd with a dictionary on small JSON records.

Generates 1,100 orders of a web shop of about 1 kB each (from a seed, so always the
same), draws 100 of them, trains on the other 1,000, compresses each of the 100 as a
file of its own, checks that every archive decodes, and prints the total bytes.

    scripts/records.py [FOLDER]     # needs zstd and a built lockstep (or $LOCKSTEP)
"""
import datetime
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

SEED, TRAINING, TESTS = 7, 1000, 100

FIRST = """Anna Bruno Carla Dmitri Elena Farid Greta Hugo Ines Jonas Katya Liam Mara Nadia Oscar Priya
Quentin Rosa Samir Tereza Ulla Victor Wanda Xenia Yusuf Zoe Aiko Bela Chen Dora Emil Fatima""".split()
LAST = """Abel Berger Costa Dubois Eriksen Ferrari Garcia Hansen Ivanova Janssen Kowalski Lopez Moreau
Novak Olsen Petrov Quinn Rossi Silva Tanaka Ueda Vogel Weber Xu Yilmaz Zimmermann Okafor Singh""".split()
CITIES = [("Aarhus", "8000", "DK"), ("Bilbao", "48001", "ES"), ("Cork", "T12", "IE"), ("Dresden", "01067", "DE"),
          ("Eindhoven", "5611", "NL"), ("Firenze", "50122", "IT"), ("Graz", "8010", "AT"), ("Helsinki", "00100", "FI"),
          ("Innsbruck", "6020", "AT"), ("Krakow", "30-001", "PL"), ("Lyon", "69001", "FR"), ("Porto", "4000", "PT"),
          ("Riga", "LV-1050", "LV"), ("Turku", "20100", "FI"), ("Utrecht", "3511", "NL"), ("Zagreb", "10000", "HR")]
STREETS = "Station Road,Mill Lane,Harbour Street,Church Square,Park Avenue,Garden Way,High Street,Lake View".split(",")
GOODS = [(f"{what} {kind}", f"{what[:2].upper()}{kind[:2].upper()}-{100 + 7 * i + 31 * j}", 499 + 350 * i + 120 * j)
         for i, what in enumerate("Oak Steel Linen Wool Glass Copper Bamboo Marble".split())
         for j, kind in enumerate("Table Lamp Shelf Chair Bowl Mirror Basket Clock Tray".split())]
OPINIONS = ["arrived on time", "looks exactly as in the picture", "smaller than expected", "the box was damaged",
            "very good quality for the price", "my daughter loves it", "easy to assemble", "colour differs a little",
            "would buy again", "instructions were missing", "sturdy and heavy", "a nice present"]
AGENTS = ["Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
          "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
          "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36"]


def record(rng, number):
    """Returns one order, whose fields depend on each other as they do in practice."""
    first, last = rng.choice(FIRST), rng.choice(LAST)
    city, postcode, country = rng.choice(CITIES)
    when = datetime.datetime(2026, 3, 1) + datetime.timedelta(seconds=617 * number + rng.randrange(600))
    items = []
    for name, sku, price in rng.sample(GOODS, rng.randint(1, 4)):
        quantity = rng.choice([1, 1, 1, 2, 3])
        items.append({"sku": sku, "name": name, "quantity": quantity, "unit_price": price / 100,
                      "line_total": price * quantity / 100})
    net = sum(item["line_total"] for item in items)
    shipping = 0.0 if net > 60 else 4.9
    method = rng.choice(["card", "card", "paypal", "invoice"])
    carrier = rng.choice(["dpd", "gls", "postnord", "ups"])
    order = {
        "order_id": f"ORD-2026-{100000 + number}",
        "created_at": when.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "status": rng.choice(["paid", "paid", "paid", "shipped", "shipped", "cancelled"]),
        "customer": {
            "id": rng.randrange(10000, 99999), "first_name": first, "last_name": last,
            "email": f"{first}.{last}@{rng.choice(['example.com', 'example.org', 'mail.example'])}".lower(),
            "address": {"street": f"{rng.choice(STREETS)} {rng.randint(1, 99)}", "city": city,
                        "postcode": postcode, "country": country},
            "newsletter": rng.random() < 0.3,
        },
        "items": items,
        "payment": {"method": method, "currency": "EUR", "net": round(net, 2), "shipping": shipping,
                    "vat": round(0.2 * (net + shipping), 2), "total": round(1.2 * (net + shipping), 2)},
        "shipping": {"carrier": carrier, "tracking": f"{carrier[:2].upper()}{rng.randrange(10**9):09}",
                     "expected": (when + datetime.timedelta(days=rng.randint(2, 6))).strftime("%Y-%m-%d")},
        "client": {"ip": f"10.{rng.randrange(4)}.{rng.randrange(256)}.{rng.randrange(1, 255)}",
                   "user_agent": rng.choice(AGENTS), "session": f"{rng.getrandbits(32):08x}"},
        "note": None if rng.random() < 0.5 else ", ".join(rng.sample(OPINIONS, rng.randint(1, 3))) + ".",
    }
    return json.dumps(order, separators=(", ", ": ")).encode()


def run(*command):
    """Runs a command and returns the seconds that it took."""
    start = time.time()
    subprocess.run([str(word) for word in command], check=True)
    return time.time() - start


def main():
    lockstep = os.environ.get("LOCKSTEP", pathlib.Path(__file__).resolve().parent.parent / "target/release/lockstep")
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
    rng = random.Random(SEED)
    drawn = set(rng.sample(range(TRAINING + TESTS), TESTS))
    for kind in ("training", "test"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for number in range(TRAINING + TESTS):
        kind = "test" if number in drawn else "training"
        (folder / kind / f"{number:04}.json").write_bytes(record(rng, number))
    samples, tests = (sorted((folder / kind).glob("*.json")) for kind in ("training", "test"))
    size = lambda paths: sum(path.stat().st_size for path in paths)
    outputs = lambda suffix: [path.with_name(path.name + suffix) for path in tests]

    run("zstd", "-q", "-f", "--train", *samples, "-o", folder / "dictionary")
    zstd_seconds = run("zstd", "-q", "-f", "-19", "-D", folder / "dictionary", *tests)
    prior = folder / "records.lkp"
    train_seconds = run(lockstep, "train", "-f", *samples, "-o", prior)
    pack_seconds = run(lockstep, "-q", "-f", "--prior", prior, *tests)
    one_seconds = run(lockstep, "-q", "-f", "--prior", prior, tests[0])
    unpack = [lockstep, "-dc", "--prior", prior, *outputs(".lks")]
    back = subprocess.run(unpack, stdout=subprocess.PIPE, check=True).stdout
    assert back == b"".join(test.read_bytes() for test in tests)

    raw, by_zstd, by_lockstep = size(tests), size(outputs(".zst")), size(outputs(".lks"))
    print(f"{TESTS} records, {raw} bytes, {raw / TESTS:.0f} each; {TRAINING} others for training, {size(samples)} bytes")
    print("| | bytes | per record | learned |")
    print("|---|---|---|---|")
    print(f"| zstd -19 with a dictionary | {by_zstd} | {by_zstd / TESTS:.1f} | {size([folder / 'dictionary'])} |")
    print(f"| lockstep with a prior | {by_lockstep} | {by_lockstep / TESTS:.1f} | {size([prior])} |")
    print(f"lockstep / zstd: {by_lockstep / by_zstd:.3f}")
    print(f"seconds: training {train_seconds:.1f}; all {TESTS} records in one run {pack_seconds:.2f} "
          f"(zstd {zstd_seconds:.2f}), one alone {one_seconds:.2f}")


if __name__ == "__main__":
    main()
