// Products with errors, which have their low limbs in one word and their high limbs in another.

// True if limbs are joined before they are multiplied: half the multiplications
// on devices without an instruction for dot4I8Packed.
override JOIN_LIMBS: bool = false;

// Returns byte `limb` of each word, 0 the lowest, as a signed number.
fn limb_of(words: vec4<u32>, limb: u32) -> vec4<i32> {
    return (vec4<i32>(words) << vec4<u32>(24u - 8u * limb)) >> vec4<u32>(24u);
}

fn error_of(low: vec4<u32>, high: vec4<u32>, limb: u32) -> vec4<i32> {
    return limb_of(low, limb) + (limb_of(high, limb) << vec4<u32>(8u));
}

// Dot products of four words with a word of errors.
fn dot_error_word(w: vec4<u32>, low: u32, high: u32) -> vec4<i32> {
    if !JOIN_LIMBS {
        return dot_words(w, low) + (dot_words(w, high) << vec4<u32>(8u));
    }
    let e = unpack_bytes(low) + (unpack_bytes(high) << vec4<u32>(8u));
    return limb_of(w, 0u) * e.x + limb_of(w, 1u) * e.y + limb_of(w, 2u) * e.z + limb_of(w, 3u) * e.w;
}

// Dot products of four words of errors with a word.
fn dot_error_words(low: vec4<u32>, high: vec4<u32>, word: u32) -> vec4<i32> {
    if !JOIN_LIMBS {
        return dot_words(low, word) + (dot_words(high, word) << vec4<u32>(8u));
    }
    let x = unpack_bytes(word);
    return error_of(low, high, 0u) * x.x + error_of(low, high, 1u) * x.y
        + error_of(low, high, 2u) * x.z + error_of(low, high, 3u) * x.w;
}
