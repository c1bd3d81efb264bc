#!/usr/bin/env bash
# Compresses generated input of any length through a pipe and back, and compares
# the peak memory with that of a shorter input: it must not grow with the length.
#
#   scripts/long.sh [SIZE] [SHORT]
#
# SIZE in MiB (64) is compared with SHORT (16). The input is numbered lines of text, so
# that no two blocks are equal and none is stored. It is generated while it is read, and
# again for the comparison. The lowest level codes some 1.4 MB/s of it on a core: 2048 MiB
# take 25 minutes in each direction.
#
#   LOCKSTEP   the command (target/release/lockstep)
#   FLAGS      for compression ("-1 --block-size 1M --device cpu")
set -euo pipefail

lockstep=${LOCKSTEP:-target/release/lockstep}
read -r -a flags <<<"${FLAGS:--1 --block-size 1M --device cpu}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Writes $1 MiB of numbered lines.
generate() {
    local line='%.0f of the international organizations have published information about environmental development'
    { seq -f "$line" 1 100000000 || true; } | head -c "$1"M || true
}

# Runs a command and writes the peak of its resident memory in KiB to a file.
measured() { # FILE COMMAND...
    local file=$1
    shift
    "$@" <&0 &
    local pid=$! peak=0 now
    while now=$(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status" 2>/dev/null) && [[ -n $now ]]; do
        peak=$now
        sleep 0.05
    done
    wait "$pid"
    printf '%s\n' "$peak" >"$file"
}

run() { # MIB
    local start=$SECONDS
    generate "$1" | measured "$work/pack" "$lockstep" -q "${flags[@]}" -c - >"$work/archive.lks"
    local packed=$SECONDS
    measured "$work/unpack" "$lockstep" -qd --device cpu -c - <"$work/archive.lks" | cmp - <(generate "$1")
    printf '%6d MiB => %11d bytes  peak %7d KiB packing, %7d KiB unpacking  %d s, %d s\n' \
        "$1" "$(stat -c %s "$work/archive.lks")" "$(<"$work/pack")" "$(<"$work/unpack")" \
        $((packed - start)) $((SECONDS - packed))
    peak=$(<"$work/pack") unpacked=$(<"$work/unpack")
}

run "${2:-16}"
pack_short=$peak unpack_short=$unpacked
run "${1:-64}"
# The index takes 8 bytes a block, and allocators differ from run to run: allow 5 % and 2 MiB.
for pair in "$pack_short $peak" "$unpack_short $unpacked"; do
    read -r short long <<<"$pair"
    ((long <= short + short / 20 + 2048)) || { echo "long.sh: memory grew from $short to $long KiB" >&2; exit 1; }
done
echo 'memory does not grow with the length'
