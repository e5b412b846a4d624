// SPDX-License-Identifier: Apache-2.0
//
// Description: rocBLAS (saxpy, sdot, sgemm with and without transposes) gives
// the host's results. On gfx90a: Debian's rocBLAS has no gfx942 code.
#include <rocblas/rocblas.h>

#include <cmath>

#include "check.h"

static void check_blas(rocblas_status status, const char* what, int line) {
  if (status != rocblas_status_success)
    check::fail(__FILE__, line, what, rocblas_status_to_string(status));
}
#define CHECK_BLAS(call) check_blas((call), #call, __LINE__)

static void sgemm(rocblas_handle handle, bool transpose_a, bool transpose_b, int n,
                  check::Digest& digest) {
  // Small multiples of 1/8: exact whatever the order of the sums.
  std::vector<float> a(n * n), b(n * n);
  for (int i = 0; i < n * n; i++) {
    a[i] = 0.5f * static_cast<float>(i % 7);
    b[i] = 0.25f * static_cast<float>(i % 5);
  }
  check::DeviceArray<float> da(a), db(b), dc(n * n);
  dc.fill_bytes(0);
  const float alpha = 2, beta = 0;
  CHECK_BLAS(rocblas_sgemm(handle,
                           transpose_a ? rocblas_operation_transpose : rocblas_operation_none,
                           transpose_b ? rocblas_operation_transpose : rocblas_operation_none, n, n,
                           n, &alpha, da.get(), n, db.get(), n, &beta, dc.get(), n));
  const std::vector<float> c = dc.read();
  for (int row = 0; row < n; row++) {
    for (int column = 0; column < n; column++) {
      float sum = 0;
      for (int k = 0; k < n; k++)
        sum += (transpose_a ? a[row * n + k] : a[k * n + row]) *
               (transpose_b ? b[k * n + column] : b[column * n + k]);
      CHECK(c[column * n + row] == 2 * sum);
    }
  }
  digest.add(c);
}

int main() {
  rocblas_handle handle = nullptr;
  CHECK_BLAS(rocblas_create_handle(&handle));
  check::Digest digest;

  constexpr int n = 4096;
  check::DeviceArray<float> x(std::vector<float>(n, 1)), y(std::vector<float>(n, 2));
  const float three = 3;
  CHECK_BLAS(rocblas_saxpy(handle, n, &three, x.get(), 1, y.get(), 1));
  for (const float value : y.read()) CHECK(value == 5);
  float dot = 0;
  CHECK_BLAS(rocblas_sdot(handle, n, x.get(), 1, y.get(), 1, &dot));
  CHECK(dot == 5 * n);
  std::printf("dot %g\n", dot);

  for (const bool transpose_a : {false, true})
    for (const bool transpose_b : {false, true})
      sgemm(handle, transpose_a, transpose_b, 64, digest);
  sgemm(handle, false, false, 100, digest);
  digest.print("sgemm");
  CHECK_BLAS(rocblas_destroy_handle(handle));
  return check::pass();
}
