# Runs in a container of the image, as root: puts the runtime and the packages of a flow beside the image's own.
# INPUTS, SCRATCH, UV and WANTS come as arguments; options of uv that the requirements ask for follow. Uses nothing but
# the shell itself: an image may have no other program.
set -eu
INPUTS=$1 SCRATCH=$2 UV=$3 WANTS=$4
shift 4
. "$INPUTS/variables.sh"
HOME=$SCRATCH TMPDIR=$SCRATCH UV_CACHE_DIR=$SCRATCH/cache VENV=/opt/flowstead/venv FOUND=
export HOME TMPDIR UV_CACHE_DIR

for each in python python3 python3.13 python3.12 python3.11 "${CONDA_PREFIX:-/opt/conda}/bin/python" \
    /opt/miniconda/bin/python /usr/local/bin/python3 /usr/bin/python3; do
  path=$(command -v "$each" 2>/dev/null) || continue
  if "$path" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    FOUND=$path
    break
  fi
done
if [ -z "$FOUND" ]; then
  echo "The image has no Python 3.11 or newer; uv looks for one to add."
  FOUND='>=3.11' UV_PYTHON_DOWNLOADS=automatic UV_PYTHON_INSTALL_DIR=/opt/flowstead/python
  export UV_PYTHON_DOWNLOADS UV_PYTHON_INSTALL_DIR
fi
"$UV" venv --no-project --system-site-packages --python "$FOUND" "$VENV"
hashes=--require-hashes
if [ "$WANTS" = more ]; then
  "$UV" pip compile --quiet --python "$VENV/bin/python" --generate-hashes --no-header --no-annotate \
    --output-file "$SCRATCH/lock.txt" "$@" "$INPUTS/requirements.txt" "$INPUTS/runtime.txt"
  hashes=
fi
"$UV" pip install --python "$VENV/bin/python" --no-deps $hashes "$@" \
  -r "$INPUTS/options.txt" -c "$INPUTS/hashed.txt" -r "$SCRATCH/lock.txt" -r "$INPUTS/own.txt"
"$VENV/bin/python" -I -S -m compileall -qq -j 0 "$VENV/lib" || true
