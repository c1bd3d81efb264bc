#!/usr/bin/env bash
# Kills runs at random moments by every signal that ends a process, and restarts them until
# they finish: every result must be byte for byte that of an undisturbed run, with no stray file.
#
#   scripts/kill.sh [KILLS]
#
# KILLS (200) are spread over both directions and both engines, with and without mixing and panels, and
# over KILL, TERM, INT, HUP, QUIT, XCPU, XFSZ and PIPE. Most runs have checkpoints: all signals
# but KILL save the state first. Every fourth run has none, and replaces an existing file, which
# must stay as it was. In the last part of each round the device changes from run to run.
#
#   LOCKSTEP   the command (target/release/lockstep)
#   DEVICES    devices to run on ("cpu gpu"; a device that does not exist is skipped)
#   SIZE       bytes of the input (120000)
#   SEED       of the random moments (1)
set -euo pipefail

lockstep=$(realpath "${LOCKSTEP:-target/release/lockstep}")
kills=${1:-200}
size=${SIZE:-120000}
RANDOM=${SEED:-1}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

die() {
    printf 'kill.sh: %s\n' "$1" >&2
    exit 1
}

devices=()
for device in ${DEVICES:-cpu gpu}; do
    if printf x | "$lockstep" -q --device "$device" --units 16 --layers 1 --embedding 16 --mixing off -c - >/dev/null 2>log; then
        devices+=("$device")
    else
        printf 'skipped: %s (%s)\n' "$device" "$(tail -n 1 log)" >&2
    fi
done
((${#devices[@]} > 0)) || die 'no device'
[[ ${#devices[@]} == 1 ]] || devices+=("$(IFS=,; printf '%s' "${devices[*]}")")

# Text that a small model learns, and a part that no model can learn.
{
    yes 'it was the best of times, it was the worst of times' | head -c $((size / 3)) || true
    head -c $((size / 10)) /dev/urandom
    seq 1 "$size" | head -c $((size - size / 3 - size / 10)) || true
} >input

signals=(KILL TERM KILL INT KILL HUP QUIT XCPU KILL XFSZ PIPE)
rounds=$((6 * ${#devices[@]}))
total=0 runs=0
declare -A sent=()

# Runs the command in the background; all signals have their default actions, which the
# background jobs of a shell do not have for INT and QUIT.
start() {
    env --default-signal "$lockstep" -q "$@" 2>log &
    pid=$!
}

# Sends the next signal after a random time below the given number of milliseconds; fails if the run
# has ended. Sets signal and status.
disturb() {
    sleep "$(printf '0.%03d' $((20 + RANDOM % ($1 < 900 ? $1 : 900))))"
    signal=${signals[RANDOM % ${#signals[@]}]}
    kill -s "$signal" "$pid" 2>/dev/null || return 1
    # PIPE is ignored by every program in Rust: the run goes on, to be killed.
    if [[ $signal == PIPE ]]; then
        sleep 0.02
        kill -s KILL "$pid" 2>/dev/null || true
    fi
    status=0
    wait "$pid" 2>/dev/null || status=$?
    ((status != 0)) || return 1
    # 1: the state was saved. Otherwise the signal ended the process.
    [[ $signal == PIPE || $status == 1 || $status == $((128 + $(kill -l "$signal"))) ]] ||
        die "status $status after $signal: $(cat log)"
    sent[$signal]=$((${sent[$signal]:-0} + 1))
    total=$((total + 1))
}

# Runs a command without a checkpoint, killed at a random moment: what it was to replace stays, and
# what a killed run leaves the next one removes.
# replaced DEVICE RESULT ARGUMENTS...
replaced() {
    local device=${1%%,*} result=$2 signal status pid
    shift 2
    echo old >"$result"
    start --device "$device" -f "$@"
    if disturb 300; then
        cmp -s "$result" <(echo old) || cmp -s "$result" "$expected" || die "$result is damaged after $signal"
    else
        wait "$pid" || die "$(cat log)"
    fi
    "$lockstep" -q --device cpu -f "$@"
    cmp "$expected" "$result" || die 'different result after a run without a checkpoint'
    rm "$result"
}

# Runs a command again and again, killed at random moments, until it has been killed KILLS times and then finishes.
# disturbed KILLS DEVICES RESULT ARGUMENTS...
disturbed() {
    local most=$1 choice=$2 result=$3 done=0 turn=0 status signal pid length=40
    local list
    IFS=, read -r -a list <<<"$choice"
    shift 3
    while :; do
        start --device "${list[turn++ % ${#list[@]}]}" --checkpoint --checkpoint-interval 0.05 "$@"
        if ((done < most)); then
            # Wait longer each time, so that a run makes progress on a slow machine, too.
            length=$((length + 25))
            if disturb "$length"; then
                done=$((done + 1))
                if [[ -e $result && ! -e $result.checkpoint ]]; then
                    return # killed after its last action
                fi
                continue
            fi
        fi
        wait "$pid" || die "after $done kills: $(cat log)"
        return
    done
}

while ((total < kills)); do
    before=$total
    for choice in "${devices[@]}"; do
        for form in 'off' 'full --mixing-memory 16' 'light --mixing-memory 16 --panel 4K'; do
            read -r -a mixing <<<"$form"
            flags=(--layers 1 --units 16 --embedding 16 --streams 32 --block-size 30K --frame-size 70K
                --mixing "${mixing[@]}")
            "$lockstep" -q --device cpu "${flags[@]}" -c input >expected.lks
            cp input file
            expected=expected.lks
            replaced "$choice" file.lks "${flags[@]}" file
            disturbed $((kills / rounds + 1)) "$choice" file.lks "${flags[@]}" file
            cmp expected.lks file.lks || die "different archive on $choice, mixing $form"
            rm file
            expected=input
            replaced "$choice" file -d file.lks
            disturbed $((kills / rounds + 1)) "$choice" file -d file.lks
            cmp input file || die "different content on $choice, mixing $form"
            rm file.lks file expected.lks log
            left=$(ls -A)
            [[ $left == input ]] || die "stray files: $left"
            runs=$((runs + 2))
            printf '%s, mixing %s: same bytes both ways after %d kills so far\n' "$choice" "$form" "$total"
        done
    done
    ((total > before)) || die 'no run was long enough to be killed: use a larger SIZE'
done
printf '%d kills (' "$total"
for signal in "${!sent[@]}"; do printf ' %s %d' "$signal" "${sent[$signal]}"; done
printf ' ), %d runs resumed until they finished: all results byte-identical, no stray file\n' "$runs"
