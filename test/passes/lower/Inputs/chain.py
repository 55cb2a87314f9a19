"""Prints a function that applies tanh N times: chain.py N"""

import sys

count = int(sys.argv[1])
print("weft.state probe @out : tensor<16xf32> = 0.0\nfunc.func @chain(%v0: tensor<16xf32>) {")
for i in range(count):
    print(f"  %v{i + 1} = math.tanh %v{i} : tensor<16xf32>")
print(f"  weft.write @out, %v{count} : tensor<16xf32>\n  return\n}}")
