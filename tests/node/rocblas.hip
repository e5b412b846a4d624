// SPDX-License-Identifier: Apache-2.0
//
// Description: rocBLAS (axpy, dot, sgemm with and without transposes, dgemm,
// hgemm, batched) gives the host's results. On gfx90a: Debian's rocBLAS has no
// gfx942 code.
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

// Small integers: exact in every type, whatever the order of the sums.
template <class T>
static std::vector<T> integers(int count, int modulus) {
  std::vector<T> values(static_cast<size_t>(count));
  for (int i = 0; i < count; i++) values[static_cast<size_t>(i)] = static_cast<T>(i % modulus);
  return values;
}

// Column-major a*b of integers(), as the host has it.
static int product(int row, int column, int n, int first) {
  int sum = 0;
  for (int k = 0; k < n; k++) sum += (first + k * n + row) % 5 * ((first + column * n + k) % 3);
  return sum;
}

static void dgemm(rocblas_handle handle, int n, check::Digest& digest) {
  check::DeviceArray<double> a(integers<double>(n * n, 5)), b(integers<double>(n * n, 3)),
      c(static_cast<size_t>(n) * n);
  const double alpha = 0.5, beta = 0;
  CHECK_BLAS(rocblas_dgemm(handle, rocblas_operation_none, rocblas_operation_none, n, n, n, &alpha,
                           a.get(), n, b.get(), n, &beta, c.get(), n));
  const std::vector<double> result = c.read();
  for (int i = 0; i < n * n; i++) CHECK(result[i] == 0.5 * product(i % n, i / n, n, 0));
  digest.add(result);
}

static void hgemm(rocblas_handle handle, int n, check::Digest& digest) {
  // As bits: rocblas_half has no arithmetic on the host.
  const auto half = [](int value) { return static_cast<_Float16>(value); };
  std::vector<_Float16> ha(static_cast<size_t>(n) * n), hb(ha.size());
  for (size_t i = 0; i < ha.size(); i++) {
    ha[i] = half(static_cast<int>(i % 5));
    hb[i] = half(static_cast<int>(i % 3));
  }
  check::DeviceArray<_Float16> a(ha), b(hb), c(ha.size());
  const _Float16 alpha = half(1), beta = half(0);
  const auto as_half = [](const _Float16* p) { return reinterpret_cast<const rocblas_half*>(p); };
  CHECK_BLAS(rocblas_hgemm(handle, rocblas_operation_none, rocblas_operation_none, n, n, n,
                           as_half(&alpha), as_half(a.get()), n, as_half(b.get()), n,
                           as_half(&beta), reinterpret_cast<rocblas_half*>(c.get()), n));
  const std::vector<_Float16> result = c.read();
  for (int i = 0; i < n * n; i++)
    CHECK(static_cast<float>(result[i]) == static_cast<float>(product(i % n, i / n, n, 0)));
  digest.add(result);
}

static void batched(rocblas_handle handle, int n, int batch, check::Digest& digest) {
  const int words = n * n;
  check::DeviceArray<float> a(integers<float>(words * batch, 5)),
      b(integers<float>(words * batch, 3)), c(static_cast<size_t>(words) * batch);
  const float alpha = 1, beta = 0;
  CHECK_BLAS(rocblas_sgemm_strided_batched(handle, rocblas_operation_none, rocblas_operation_none,
                                           n, n, n, &alpha, a.get(), n, words, b.get(), n, words,
                                           &beta, c.get(), n, words, batch));
  const std::vector<float> strided = c.read();
  for (int i = 0; i < words * batch; i++) {
    const int one = i % words;
    CHECK(strided[i] == static_cast<float>(product(one % n, one / n, n, i / words * words)));
  }
  digest.add(strided);
  std::vector<float*> at, bt, ct;
  for (int i = 0; i < batch; i++) {
    at.push_back(a.get() + i * words);
    bt.push_back(b.get() + i * words);
    ct.push_back(c.get() + i * words);
  }
  check::DeviceArray<float*> da(at), db(bt), dc(ct);
  c.fill_bytes(0);
  CHECK_BLAS(rocblas_sgemm_batched(handle, rocblas_operation_none, rocblas_operation_none, n, n, n,
                                   &alpha, da.get(), n, db.get(), n, &beta, dc.get(), n, batch));
  CHECK(c.read() == strided);
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
  check::Digest others;
  dgemm(handle, 64, others);
  hgemm(handle, 64, others);
  batched(handle, 32, 3, others);
  others.print("dgemm, hgemm, batched");

  check::DeviceArray<double> dx(integers<double>(n, 7)), dy(integers<double>(n, 3));
  const double half = 0.5;
  CHECK_BLAS(rocblas_daxpy(handle, n, &half, dx.get(), 1, dy.get(), 1));
  double double_dot = 0, expected = 0;
  for (int i = 0; i < n; i++) expected += i % 7 * (i % 7 * 0.5 + i % 3);
  CHECK_BLAS(rocblas_ddot(handle, n, dx.get(), 1, dy.get(), 1, &double_dot));
  CHECK(double_dot == expected);
  std::printf("ddot %g\n", double_dot);
  CHECK_BLAS(rocblas_destroy_handle(handle));
  return check::pass();
}
