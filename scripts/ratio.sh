#!/bin/sh
# Prints sizes of archives and the CPU seconds to make them, for files, levels and transforms:
#
#     scripts/ratio.sh [-l LEVELS] [-t TRANSFORMS] [-o OPTIONS] FILE|FOLDER...
#
# for example: scripts/ratio.sh -l "1 5" -t "none text auto" -o "--network off" texts/
# Environment: LOCKSTEP is the command (target/release/lockstep).
set -eu
levels=5 transforms="none text auto" options=
while getopts l:t:o: flag; do
    case $flag in
        l) levels=$OPTARG ;;
        t) transforms=$OPTARG ;;
        o) options=$OPTARG ;;
        *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 1 ;;
    esac
done
shift $((OPTIND - 1))
lockstep=${LOCKSTEP:-$(dirname "$0")/../target/release/lockstep}
times=$(mktemp)
trap 'rm -f "$times"' EXIT

printf '%-24s %10s %5s' file bytes level
for transform in $transforms; do printf ' %18s' "$transform"; done
echo
find "$@" -type f | sort | while read -r file; do
    for level in $levels; do
        printf '%-24s %10d -%-4s' "$(basename "$file")" "$(wc -c < "$file")" "$level"
        for transform in $transforms; do
            # Options are several words.
            # shellcheck disable=SC2086
            bytes=$({ bash -c 'TIMEFORMAT=%U; time "$@" 2> /dev/null' - "$lockstep" -q -c --device cpu "-$level" \
                --transform "$transform" $options -- "$file" 2> "$times"; } | wc -c)
            printf ' %10d %6ss' "$bytes" "$(cat "$times")"
        done
        echo
    done
done
