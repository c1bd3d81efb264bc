#!/usr/bin/env bash
# Measures every level on files or folders of files: size of the archive, seconds
# and processor seconds in both directions. Checks every round trip. Prints JSON,
# one object a line, for scripts/plot.py.
#
#   scripts/levels.sh FILE|FOLDER... >levels.json
#
# Environment: LOCKSTEP is the command (lockstep), LEVELS the levels
# ("1 2 ... 9"), THREADS the number of threads (2).
set -u
[ $# -gt 0 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 1; }

lockstep=${LOCKSTEP:-lockstep}
threads=${THREADS:-2}
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
failed=0

# measure OUT COMMAND...: runs the command with its output in OUT; sets $seconds and $cpu.
measure() {
  local out=$1 status TIMEFORMAT='%R %U %S'
  shift
  { time "$@" >"$out" 2>"$folder/errors"; } 2>"$folder/time"
  status=$?
  read -r seconds user system < <(tail -n 1 "$folder/time")
  cpu=$(awk -v u="$user" -v s="$system" 'BEGIN { print u + s }')
  return $status
}

find "$@" -type f -print0 | sort -z >"$folder/files"
while IFS= read -r -d '' file; do
  raw=$(wc -c <"$file")
  for level in ${LEVELS:-1 2 3 4 5 6 7 8 9}; do
    measure "$folder/packed" "$lockstep" -q "-$level" -T "$threads" --device cpu -c "$file" || failed=1
    encode=$seconds encode_cpu=$cpu
    measure "$folder/out" "$lockstep" -q -d -T "$threads" --device cpu -c "$folder/packed" || failed=1
    if ! cmp -s "$file" "$folder/out"; then
      echo "levels.sh: -$level does not restore $file" >&2
      failed=1
      continue
    fi
    name=${file##*/}
    printf '{"file": "%s", "raw": %d, "level": %d, "threads": %d, "bytes": %d, ' \
      "${name//[\"\\]/_}" "$raw" "$level" "$threads" "$(wc -c <"$folder/packed")"
    printf '"encode_seconds": %s, "encode_cpu": %s, "decode_seconds": %s, "decode_cpu": %s}\n' \
      "$encode" "$encode_cpu" "$seconds" "$cpu"
  done
done <"$folder/files"
exit $failed
