// SPDX-License-Identifier: Apache-2.0
//
// Description: float and double arithmetic and library functions against the
// host's, within the tolerance each function promises; exact where IEEE is.
#include <cmath>

#include "check.h"

__global__ void floats(const float* in, float* out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const float x = in[i];
  out[i * 8] = fmaf(x, 1.5f, -0.25f) / (x + 3.0f);
  out[i * 8 + 1] = sqrtf(x + 1.0f);
  out[i * 8 + 2] = expf(x * 0.1f);
  out[i * 8 + 3] = logf(x + 0.5f);
  out[i * 8 + 4] = sinf(x) + cosf(x);
  out[i * 8 + 5] = tanhf(x * 0.2f);
  out[i * 8 + 6] = floorf(x) + rintf(x * 0.7f);
  out[i * 8 + 7] = static_cast<float>(static_cast<int>(x * 3.9f));
}

__global__ void doubles(const double* in, double* out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const double x = in[i];
  out[i * 4] = x * x + sqrt(x) / 3.0;
  out[i * 4 + 1] = fma(x, 1e-3, 7.0) / (x + 1.0);
  out[i * 4 + 2] = exp(x * 0.01);
  out[i * 4 + 3] = floor(x * 0.3) + static_cast<double>(static_cast<long long>(x * 1e6));
}

static void near(double got, double want, double tolerance, int index, const char* what) {
  if (std::fabs(got - want) <= tolerance * std::fmax(1.0, std::fabs(want))) return;
  std::fprintf(stderr, "element %d: got %.17g, want %.17g\n", index, got, want);
  check::fail(__FILE__, __LINE__, what, "is too far off");
}

int main() {
  constexpr int n = 600;
  check::Digest digest;
  std::vector<float> in(n);
  for (int i = 0; i < n; i++) in[i] = 0.03f * static_cast<float>(i);
  check::DeviceArray<float> d_in(in), d_out(n * 8);
  floats<<<(n + 255) / 256, 256>>>(d_in.get(), d_out.get(), n);
  CHECK_HIP(hipGetLastError());
  const std::vector<float> out = d_out.read();
  for (int i = 0; i < n; i++) {
    const float x = in[i];
    near(out[i * 8], std::fmaf(x, 1.5f, -0.25f) / (x + 3.0f), 2e-7, i, "division");
    near(out[i * 8 + 1], std::sqrt(x + 1.0f), 2e-7, i, "sqrtf");
    near(out[i * 8 + 2], std::exp(x * 0.1f), 1e-6, i, "expf");
    near(out[i * 8 + 3], std::log(x + 0.5f), 1e-6, i, "logf");
    near(out[i * 8 + 4], std::sin(x) + std::cos(x), 1e-6, i, "sinf + cosf");
    near(out[i * 8 + 5], std::tanh(x * 0.2f), 1e-6, i, "tanhf");
    CHECK(out[i * 8 + 6] == std::floor(x) + std::rint(x * 0.7f));
    CHECK(out[i * 8 + 7] == static_cast<float>(static_cast<int>(x * 3.9f)));
  }
  digest.add(out);

  std::vector<double> in64(n);
  for (int i = 0; i < n; i++) in64[i] = 0.37 * i;
  check::DeviceArray<double> d_in64(in64), d_out64(n * 4);
  doubles<<<(n + 255) / 256, 256>>>(d_in64.get(), d_out64.get(), n);
  CHECK_HIP(hipGetLastError());
  const std::vector<double> out64 = d_out64.read();
  for (int i = 0; i < n; i++) {
    const double x = in64[i];
    near(out64[i * 4], x * x + std::sqrt(x) / 3.0, 1e-15, i, "double sqrt");
    near(out64[i * 4 + 1], std::fma(x, 1e-3, 7.0) / (x + 1.0), 1e-15, i, "double division");
    near(out64[i * 4 + 2], std::exp(x * 0.01), 1e-14, i, "double exp");
    CHECK(out64[i * 4 + 3] ==
          std::floor(x * 0.3) + static_cast<double>(static_cast<long long>(x * 1e6)));
  }
  digest.add(out64);
  digest.print("values");
  return check::pass();
}
