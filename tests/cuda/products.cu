// One product of each arithmetic and each layout of panels: what the interpreter of PTX runs.
#include "cuda/product_math.h"

namespace pyconvnet::cuda {

template __global__ void product<Fp32, Matrix<1, true>, Matrix<1, false>, StoreOutput>(ProductShape, const Step*,
                                                                                       Matrix<1, true>,
                                                                                       Matrix<1, false>, StoreOutput);
template __global__ void product<Tf32, Matrix<4, true>, Matrix<4, true>, StoreOutput>(ProductShape, const Step*,
                                                                                      Matrix<4, true>, Matrix<4, true>,
                                                                                      StoreOutput);
template __global__ void product<Tf32, Matrix<4, false>, Matrix<4, false>, StoreSlice>(ProductShape, const Step*,
                                                                                       Matrix<4, false>,
                                                                                       Matrix<4, false>, StoreSlice);

}  // namespace pyconvnet::cuda
