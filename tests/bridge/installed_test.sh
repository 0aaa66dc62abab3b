#!/usr/bin/env bash
# Installs into a folder of its own, then builds and runs a client outside of this build, found by pkg-config and by
# CMake, after the folder has moved. Runs with bash 3.2 or later.
#   installed_test.sh CMAKE BUILD_FOLDER CLIENT.C LIBRARY_FOLDER C_COMPILER C++_COMPILER
set -euo pipefail
cmake=$1 build=$2 client=$3 library_folder=$4 cc=$5 cxx=$6
strict="-Wall -Wextra -Werror -pedantic"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_WAIT_POLICY=passive

"$cmake" --install "$build" --prefix "$work/installed" >/dev/null
mv "$work/installed" "$work/prefix"
prefix=$work/prefix
"$prefix/bin/anemone" devices | grep -q cpu
test -L "$prefix/bin/train_large"

mkdir "$work/client"
cp "$client" "$work/client/client.c"
cd "$work/client"

# shellcheck disable=SC2086  # options are separate words
"$cxx" $strict -x c++ -fsyntax-only "$prefix/include/anemone/bridge.h"

command -v pkg-config >/dev/null || { echo "pkg-config is not there: skipped"; exit 77; }
export PKG_CONFIG_PATH=$prefix/$library_folder/pkgconfig
# shellcheck disable=SC2046,SC2086
"$cc" -std=c99 $strict $(pkg-config --cflags anemone_bridge) client.c $(pkg-config --libs anemone_bridge) -lm \
  -Wl,-rpath,"$prefix/$library_folder" -o by_pkg_config
./by_pkg_config cpu | tail -n 1

cat >CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.22)
project(client C)
find_package(anemone_bridge 0.1 REQUIRED)
add_executable(by_cmake client.c)
target_link_libraries(by_cmake PRIVATE anemone::bridge m)
END
"$cmake" -S . -B build -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$cc" >/dev/null
"$cmake" --build build >/dev/null
build/by_cmake sim:m4 | tail -n 1
