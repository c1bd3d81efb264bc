// What a lane of a product carries: eight rows or inputs of four samples.

var<private> a0: vec4<i32>; // the first four of sample 0
var<private> b0: vec4<i32>; // the next four
var<private> a1: vec4<i32>;
var<private> b1: vec4<i32>;
var<private> a2: vec4<i32>;
var<private> b2: vec4<i32>;
var<private> a3: vec4<i32>;
var<private> b3: vec4<i32>;
