#!/usr/bin/env bash
# Compresses files on every implementation of this machine, and decodes every archive
# on every implementation: all archives must be equal, and each must decode everywhere.
#
#   scripts/matrix.sh [--require-gpu] FILE...
#
# Implementations: the CPU engine with one, two and five threads, with AVX2 at most,
# and with plain loops; every adapter of every Vulkan driver (ICD manifest), one at a
# time; lavapipe twice more, with other settings of its code generator; GL. Drivers
# without an adapter, and hardware that can't be opened, are skipped with a note.
#
#   LOCKSTEP        the command (target/release/lockstep)
#   LOCKSTEP_FLAGS  flags for compression, for example "--units 32 --streams 8"
#   LOCKSTEP_ICDS   more ICD manifests, separated by colons
#
# Exit code 1: a difference, a failure, or, with --require-gpu, no adapter.
set -euo pipefail

die() {
    printf 'matrix.sh: %s\n' "$1" >&2
    exit 2
}

note() {
    printf '%s\n' "$1" >&2
}

require_gpu=
if [[ ${1-} == --require-gpu ]]; then
    require_gpu=1
    shift
fi
(($# > 0)) || die 'usage: scripts/matrix.sh [--require-gpu] FILE...'
for file in "$@"; do
    [[ -r $file ]] || die "can't read $file"
done
lockstep=${LOCKSTEP:-target/release/lockstep}
command -v "$lockstep" >/dev/null || die "there is no $lockstep (set LOCKSTEP)"
read -r -a flags <<<"${LOCKSTEP_FLAGS-}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# One entry for each implementation.
labels=()
adapters=()
options=()  # flags that choose the device
settings=() # environment, one variable a line

add() { # label adapter options settings
    labels+=("$1")
    adapters+=("$2")
    options+=("$3")
    settings+=("$4")
}

with_settings() { # settings command...
    local variables
    mapfile -t variables < <(printf '%s' "$1")
    env "${variables[@]}" "${@:2}"
}

on() { # implementation arguments...
    local choice
    read -r -a choice <<<"${options[$1]}"
    with_settings "${settings[$1]}" "$lockstep" -q "${choice[@]}" "${@:2}"
}

add_adapters() { # label settings
    local line label index name kind count=0 lost= lavapipe=
    while IFS= read -r line; do
        # An index and a name; the last line below them states whether the adapter can be used.
        if [[ $line =~ ^([0-9]+)\ +(.*) ]]; then
            index=${BASH_REMATCH[1]} name=${BASH_REMATCH[2]} kind=hardware
        elif [[ $line == *', software, '* ]]; then
            kind=software
        elif [[ $line == *"can't be opened"* ]]; then
            note "$1: skipped, ${line#*used: }"
            lost=1
            # A software adapter must always open.
            [[ $kind == hardware ]] || failed=1
        elif [[ $line == *self-test* || $line == *"can't be used"* ]]; then
            label=$1
            ((count++ == 0)) || label+=" #$index"
            add "$label" "$name" "--device $index" "$2"
            [[ $name != *llvmpipe* ]] || lavapipe=1
        fi
    done < <(with_settings "$2" "$lockstep" devices 2>"$work/log" || note "$1: lockstep devices failed ($?)")
    ((count > 0)) || [[ -n $lost ]] || note "$1: skipped, no adapter on this machine"
    if [[ -n $lavapipe && $2 == *=vulkan ]]; then
        add_adapters "$1, no threads" "$2"$'\n'LP_NUM_THREADS=0
        add_adapters "$1, 512 bits" "$2"$'\n'LP_NATIVE_VECTOR_WIDTH=512
    fi
}

add 'cpu, 1 thread' 'CPU engine' '--device cpu -T 1' ''
add 'cpu, 2 threads' 'CPU engine' '--device cpu -T 2' ''
add 'cpu, 5 threads' 'CPU engine' '--device cpu -T 5' ''
add 'cpu, avx2' 'CPU engine' '--device cpu' LOCKSTEP_VECTORS=avx2
add 'cpu, plain' 'CPU engine' '--device cpu' LOCKSTEP_VECTORS=plain
cpus=${#labels[@]}
failed=

shopt -s nullglob
IFS=: read -r -a further <<<"${LOCKSTEP_ICDS-}"
declare -A seen=()
for manifest in /usr/share/vulkan/icd.d/*.json /etc/vulkan/icd.d/*.json \
    /usr/lib/chromium/vk_swiftshader_icd.json "${further[@]}"; do
    [[ -e $manifest && -z ${seen[$manifest]-} ]] || continue
    seen[$manifest]=1
    label=${manifest##*/}
    label=${label%.json}
    label=${label/_icd/}
    add_adapters "$label" "VK_DRIVER_FILES=$manifest"$'\n'"VK_ICD_FILENAMES=$manifest"$'\n'WGPU_BACKEND=vulkan
done
add_adapters gl WGPU_BACKEND=gl

row() {
    printf '%-16.16s %-28.28s %-34.34s %10s  %-12.12s  %-5s  %s\n' "$@"
}
hash_of() {
    local sum
    sum=$(sha256sum <"$1")
    printf '%s' "${sum%% *}"
}
fail() { # what failed; the last line of the command's output is added
    note "$1: $(tail -n 1 "$work/log")"
    failed=1
}

row file implementation adapter bytes sha256 'same?' 'decodes?'
for file in "$@"; do
    source=$(hash_of "$file")
    hashes=()
    distinct=() # one implementation for each distinct archive
    for i in "${!labels[@]}"; do
        archive=$work/$i.lks
        hashes[i]=
        if on "$i" "${flags[@]}" -c "$file" >"$archive" 2>"$work/log"; then
            hash=$(hash_of "$archive")
            [[ " ${hashes[*]} " == *" $hash "* ]] || distinct+=("$i")
            hashes[i]=$hash
        else
            fail "${labels[i]} does not compress"
        fi
    done
    for i in "${!labels[@]}"; do
        decoded=0
        for made in "${distinct[@]}"; do
            if on "$i" -d -c "$work/$made.lks" >"$work/raw" 2>"$work/log" && [[ $(hash_of "$work/raw") == "$source" ]]; then
                decoded=$((decoded + 1))
            else
                fail "${labels[i]} does not decode what ${labels[made]} made"
            fi
        done
        bytes=- same=no
        if [[ -n ${hashes[i]} ]]; then
            bytes=$(stat -c %s "$work/$i.lks")
            [[ ${hashes[i]} != "${hashes[0]}" ]] || same=yes
        fi
        [[ $same == yes ]] || failed=1
        all=yes
        ((decoded == ${#distinct[@]} && decoded > 0)) || all="$decoded of ${#distinct[@]}"
        row "${file##*/}" "${labels[i]}" "${adapters[i]}" "$bytes" "${hashes[i]:--}" "$same" "$all"
    done
done

if [[ -n $require_gpu ]] && ((${#labels[@]} == cpus)); then
    note 'an adapter is required, but there is none'
    failed=1
fi
[[ -z $failed ]]
