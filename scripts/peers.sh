#!/usr/bin/env bash
# Compares lockstep with the compressors on PATH: sizes, processor seconds, peak
# memory. Checks every round trip.
#
#   scripts/peers.sh FILE...
#
# Environment: LOCKSTEP is the command (lockstep), LEVELS its levels ("1 5"),
# SLOW=1 adds lstm-compress and nncp.
set -u
[ $# -gt 0 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 1; }

lockstep=${LOCKSTEP:-lockstep}
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
gnu_time=
[ -x /usr/bin/time ] && /usr/bin/time -v true 2>"$folder/time" && gnu_time=yes
failed=0

# Runs a command in the folder; sets $seconds (user and system) and $memory (MiB, or -).
measure() {
  local status
  memory=-
  if [ $gnu_time ]; then
    (cd "$folder" && /usr/bin/time -v -o time "$@" >/dev/null 2>errors)
    status=$?
    seconds=$(awk -F': ' '/User time|System time/ { s += $2 } END { printf "%.2f", s }' "$folder/time")
    memory=$(awk -F': ' '/Maximum resident/ { printf "%.0f", $2 / 1024 }' "$folder/time")
  else
    local TIMEFORMAT='%U %S'
    { time (cd "$folder" && "$@" >/dev/null 2>errors); } 2>"$folder/time"
    status=$?
    seconds=$(awk '{ printf "%.2f", $1 + $2 }' "$folder/time")
  fi
  return $status
}

# row NAME 'COMPRESS' 'DECOMPRESS': the first command reads the file `in` and writes `packed`, the second reads
# `packed` and writes `out`.
row() {
  command -v "${2%% *}" >/dev/null || return 0
  rm -rf "$folder/packed" "$folder/out"
  local verdict=ok packing packing_memory unpacking=-
  measure bash -c "$2" && [ -f "$folder/packed" ] || verdict='FAILED to compress'
  packing=$seconds packing_memory=$memory
  if [ "$verdict" = ok ]; then
    measure bash -c "$3" && cmp -s "$folder/in" "$folder/out" || verdict='FAILED to restore'
    unpacking=$seconds
  fi
  [ "$verdict" = ok ] || failed=1
  local size=-
  [ -f "$folder/packed" ] && size=$(wc -c <"$folder/packed")
  printf '%-26s %12s %8s %10s %10s %9s %9s  %s\n' "$1" "$size" \
    "$(awk -v s="$size" -v n="$length" 'BEGIN { if (s == "-" || n == 0) print "-"; else printf "%.3f", 8 * s / n }')" \
    "$packing" "$unpacking" "$packing_memory" "$memory" "$verdict"
}

# The absolute path of the command, because rows run in another folder.
lockstep=$(command -v "$lockstep") || { echo "peers.sh: no lockstep on PATH (set LOCKSTEP)" >&2; exit 1; }
lockstep=$(realpath "$lockstep")

for file in "$@"; do
  cp -- "$file" "$folder/in" || exit 1
  length=$(wc -c <"$folder/in")
  echo "$file, $length bytes"
  printf '%-26s %12s %8s %10s %10s %9s %9s\n' '' bytes bits/B 'pack s' 'unpack s' 'pack MiB' 'unp. MiB'
  row 'xz -9e' 'xz -9e -T1 -c in >packed' 'xz -dc packed >out'
  row 'zstd --ultra -22' 'zstd -q --ultra -22 --long=27 -c in >packed' 'zstd -q -d --long=27 -c packed >out'
  row 'brotli -q 11 -w 24' 'brotli -q 11 -w 24 -c in >packed' 'brotli -d -c packed >out'
  for seven in 7zz 7z; do
    command -v $seven >/dev/null || continue
    row "$seven PPMd, order 8" "$seven a -t7z -m0=PPMd:o=8:mem=1g -bd a.7z in && mv a.7z packed" \
      "$seven x -so packed >out"
    break
  done
  row 'zpaq -m5' 'zpaq a a.zpaq in -m5 -t1 && mv a.zpaq packed' \
    'mkdir -p z && cp packed z/a.zpaq && cd z && zpaq x a.zpaq -force && mv in ../out'
  if [ "${SLOW:-}" ]; then
    row 'lstm-compress' 'lstm-compress -c in packed' 'lstm-compress -d packed out'
    row 'nncp' 'nncp c in packed' 'nncp d packed out'
  fi
  for level in ${LEVELS:-1 5}; do
    row "lockstep -$level" "$lockstep -q -$level --device cpu -c in >packed" "$lockstep -q -d --device cpu -c packed >out"
  done
  echo
done
exit $failed
