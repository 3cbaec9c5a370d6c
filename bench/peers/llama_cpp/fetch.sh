#!/bin/sh
# Fetches llama.cpp's prebuilt CPU library (release v0.5.0, as node-llama-cpp packs it) from npm into a folder.
#   sh bench/peers/llama_cpp/fetch.sh [target/llama_cpp]
set -eu
folder=${1:-target/llama_cpp}
mkdir -p "$folder"
cd "$folder"
archive=$(npm pack --silent @node-llama-cpp/linux-x64@3.22.1)
tar xzf "$archive" --strip-components=3 package/bins/linux-x64
rm "$archive"
ls libllama.*.so
