// Which dot product of bfloat16 pairs the kernels use. Units compiled for one instruction set include this, so it
// includes nothing.
#pragma once

namespace pyconvnet {

enum class Bfloat16Dot : int { plain, avx512_bf16, amx };  // the slowest first

Bfloat16Dot bfloat16_dot();

}  // namespace pyconvnet
