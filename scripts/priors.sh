#!/usr/bin/env bash
# Measures what a prior gains on a file of yours.
#
#   scripts/priors.sh half FILE      trains on the first half, codes 200,000 bytes of the second with and without the prior
#   scripts/priors.sh parts FILE     codes the file in three parts, each starting from the saved model of the one before
#   scripts/priors.sh devices FILE   compares the prior and the archive of `half` on the CPU and on a GPU (or DEVICE=...)
#
# Environment: LOCKSTEP is the command (target/release/lockstep), FLAGS more of its flags.
set -euo pipefail
lockstep=${LOCKSTEP:-$(dirname "$0")/../target/release/lockstep}
read -ra flags <<<"${FLAGS:-}"
what=$1 file=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
size() { stat -c %s "$@" | awk '{ sum += $1 } END { print sum }'; }
run() { "$lockstep" "$@" "${flags[@]}"; }
cut_file() {
    half=$(($(size "$file") / 2))
    head -c "$half" "$file" >"$folder/half"
    head -c $((half + 200000)) "$file" | tail -c 200000 >"$folder/next"
}

case $what in
half)
    cut_file
    run train "$folder/half" -o "$folder/prior"
    run -q "$folder/next" -o "$folder/without"
    run -q --prior "$folder/prior" "$folder/next" -o "$folder/with"
    run -q -dc --prior "$folder/prior" "$folder/with" | cmp - "$folder/next"
    without=$(size "$folder/without") with=$(size "$folder/with")
    echo "without a prior $without, with one $with bytes: $(awk "BEGIN { printf \"%.1f\", 100 - 100 * $with / $without }") % less"
    echo "the prior has $(size "$folder/prior") bytes"
    ;;
parts)
    third=$((($(size "$file") + 2) / 3))
    split -b "$third" "$file" "$folder/part."
    run -q "$file" -o "$folder/uncut"
    load=()
    for part in aa ab ac; do
        run -q "${load[@]}" --save-model "$folder/model.$part" "$folder/part.$part"
        run -q -dc "${load[@]}" "$folder/part.$part.lks" | cmp - "$folder/part.$part"
        load=(--load-model "$folder/model.$part")
    done
    uncut=$(size "$folder/uncut") parts=$(size "$folder"/part.*.lks)
    echo "uncut $uncut, in three parts $parts bytes: $(awk "BEGIN { printf \"%+.2f\", 100 * $parts / $uncut - 100 }") %"
    ;;
devices)
    cut_file
    for device in cpu "${DEVICE:-gpu}"; do
        run train -f --device "$device" "$folder/half" -o "$folder/prior"
        run -qf --device "$device" --prior "$folder/prior" "$folder/next" -o "$folder/with"
        (cd "$folder" && wc -c prior with && sha256sum prior with) >"$folder/made.$device"
    done
    cmp "$folder/made.cpu" "$folder/made.${DEVICE:-gpu}"
    echo "the same on both:"
    cat "$folder/made.cpu"
    ;;
esac
