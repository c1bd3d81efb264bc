// Sums that a lane of a product accumulates: LANE_ROWS rows or inputs of GROUP samples.

var<private> a0: vec4<i32>; // first four rows, sample 0
var<private> b0: vec4<i32>; // last four rows, sample 0
var<private> a1: vec4<i32>;
var<private> b1: vec4<i32>;
var<private> a2: vec4<i32>;
var<private> b2: vec4<i32>;
var<private> a3: vec4<i32>;
var<private> b3: vec4<i32>;
