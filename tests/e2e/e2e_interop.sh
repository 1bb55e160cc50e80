#!/usr/bin/env bash
# e2e_interop.sh - models that come from Keras and go to ONNX, files that h5py reads.
#
# PLEAT_TEST_PYTHON names a Python that has some of h5py, onnxruntime and tf_keras. What it lacks
# is told and left out, and the test then counts as skipped. All of it: python3 -m venv V &&
# V/bin/pip install h5py onnxruntime tensorflow-cpu tf_keras
source "${SOURCE_DIR:?}/tests/lib/program.sh"
left_out=0
python=${PLEAT_TEST_PYTHON:-python3}
values=$(readlink -f "$PLEAT_TEST_BIN/net_values")
keras=$SOURCE_DIR/tests/drills/corpus/keras/unet.hdf5

can() { # can MODULE: Python has it; else it is told
    "$python" -c "import $1" 2> /dev/null && return
    echo "SKIPPED without $1: $2"
    left_out=77
    return 1
}

says() { has "$1" "$2" || wrong "$1 does not say '$2'"; } # says FILE TEXT
run() { succeeds "$*" 0 "$@"; }

# --- without Python: verbs, options, messages ---
run import "$keras" --out keras.h5 --set classes=background,lung,lesion \
    --set patch=32,32,16 --set overlap=16,16,8
says out 'unet depth=1 filters=1 classes=3 norm=1, 344 parameters'
run info keras.h5
says out 'background,lung,lesion'
refused 'a wrong import' 3 'no layer_names' 0 import keras.h5 --out other.h5
refused 'two classes' 2 "classes names 2, the model '$keras' knows 3" 0 import "$keras" \
    --out other.h5 --set classes=background,lung
refused 'a wrong import' 2 'import needs --out CHECKPOINT' 0 import "$keras"

tiny_data data 1 3
run predict keras.h5 --in data --out labelled
holds 'the labels of an imported model' test -s labelled/*.nii.gz

if "$pleat" export keras.h5 --onnx keras.onnx > out 2> err; then
    says out 'keras.onnx: unet depth=1'
    holds 'its metadata names the padding' grep -aq 'pleat\.pad..zero' keras.onnx
    refused 'a wrong export' 2 'divisible by 2' 0 export keras.h5 --onnx x.onnx --patch 33x32x16
    refused 'a wrong export' 2 'is a checkpoint' 0 export keras.h5 --onnx x.onnx --fold 0
    refused 'a wrong export' 2 'say by --fold K' 0 export . --onnx x.onnx
    refused 'a wrong export' 3 'fold 1 of' 0 export . --onnx x.onnx --fold 1
    mkdir -p RUN/fold_1
    cp keras.h5 RUN/fold_1/checkpoint_best.h5
    run export RUN --fold 1 --onnx of-run.onnx
    holds 'the same file of a run' cmp of-run.onnx keras.onnx
    refused 'the latest' 3 'has no checkpoint_latest.h5' 0 export RUN --fold 1 --weights latest \
        --onnx x.onnx
    run export keras.h5 --onnx fixed.onnx --patch 32x32x16 --batch 1
    onnx=1
else
    says err libprotobuf-c-dev
    echo 'SKIPPED without protobuf-c: what pleat export writes'
    onnx=0 left_out=77
fi

# --- onnxruntime computes what pleat does, of every network ---
"$values" make > networks || wrong 'net_values make'
if [ "$onnx" -eq 1 ] && can onnxruntime 'whether ONNX files compute what pleat does'; then
    while read -r name n d h w; do
        run export "$name.h5" --onnx "$name.onnx"
        "$values" run "$name.h5" "$n" "$d" "$h" "$w" "$name.f32" > "$name.size" ||
            wrong "net_values run $name"
    done < networks
    "$python" - << 'END' || wrong 'ONNX'
import numpy as np, onnxruntime
for line in open("networks"):
    name, *size = line.split()
    size = [int(s) for s in size]
    channels, classes = [int(s) for s in open(name + ".size").read().split()]
    image = np.sin(.37 * np.arange(np.prod(size) * channels) + .1).astype(np.float32)
    image = np.moveaxis(image.reshape(*size, channels), -1, 1)
    net = onnxruntime.InferenceSession(name + ".onnx", providers=["CPUExecutionProvider"])
    logits, = net.run(["logits"], {"image": np.ascontiguousarray(image)})
    e = np.exp(logits - logits.max(1, keepdims=True))
    pleat = np.fromfile(name + ".f32", np.float32).reshape(*size, classes)
    off = np.abs(np.moveaxis(e / e.sum(1, keepdims=True), 1, -1) - pleat).max()
    assert off < 1e-4 and pleat.std() > .01, (name, off)
assert onnxruntime.InferenceSession("fixed.onnx").get_inputs()[0].shape == [1, 1, 16, 32, 32]
notes = onnxruntime.InferenceSession("keras.onnx").get_modelmeta().custom_metadata_map
assert notes["pleat.classes"] == "background,lung,lesion" and notes["pleat.patch"] == "32,32,16"
END
fi

# --- the lines of docs/interop.md that read a store and a checkpoint, and use an ONNX file ---
block() { # block N: the Nth of Python
    awk -v n="$1" '/^```python/ { inside = ++i == n; next } /^```/ { inside = 0 } inside' \
        "$SOURCE_DIR/docs/interop.md"
}
if can h5py 'the lines of docs/interop.md'; then
    run prep tiny.yaml --out STORE
    cp keras.h5 CHECKPOINT.h5
    block 1 > store.py
    block 2 > checkpoint.py
    holds 'about ten lines' test "$(cat store.py checkpoint.py | wc -l)" -le 20
    "$python" store.py > out 2> err || wrong 'the lines that read a store'
    says out "$(ls data) ("
    "$python" checkpoint.py > out 2> err || wrong 'the lines that read a checkpoint'
    says out 'enc0.conv1.weights (1, 3, 3, 3, 1)'
    says out 'head.bias (3,)'
fi
if [ "$onnx" -eq 1 ] && can onnxruntime 'the lines of docs/interop.md on ONNX'; then
    cp fixed.onnx NET.onnx
    { echo 'import numpy'; echo 'patch = numpy.zeros((16, 32, 32), numpy.float32)'; block 3
        echo 'print(probabilities.shape, float(probabilities.sum(0).mean()))'; } > use.py
    "$python" use.py > out 2> err || wrong 'the lines that use an ONNX file'
    says out '(3, 16, 32, 32) 1.0'
fi

# --- a model that Keras makes now ---
if can tf_keras 'models that Keras makes now'; then
    TF_CPP_MIN_LOG_LEVEL=3 "$python" - << 'END' > made 2> err || wrong 'Keras'
import numpy as np, tf_keras as keras
L = keras.layers
def block(x, f):
    for _ in range(2):
        x = L.BatchNormalization()(L.Conv3D(f, 3, activation="relu", padding="same")(x))
    return x
x = image = keras.Input((None, None, None, 2))
skips = []
for f in 3, 6:
    x = block(x, f)
    skips.append(x)
    x = L.MaxPooling3D(2)(x)
x = block(x, 12)
for f in 6, 3:
    x = L.Conv3DTranspose(f, 2, strides=2, padding="same")(x)
    x = block(L.concatenate([x, skips.pop()], axis=-1), f)
model = keras.Model(image, L.Conv3D(4, 1, activation="softmax")(x))
random = np.random.default_rng(1)
model.set_weights([w + .1 * random.random(w.shape) for w in model.get_weights()])
model.save("made.hdf5")
j = np.arange(2 * 4 * 12 * 8 * 2)
image = np.sin(.37 * j + .1).reshape(2, 4, 12, 8, 2).astype(np.float32)
model.predict(image.transpose(0, 3, 2, 1, 4), verbose=0).transpose(0, 3, 2, 1, 4).tofile("made.f32")
END
    run import made.hdf5 --out made.h5
    "$values" run made.h5 2 4 12 8 ours.f32 > /dev/null || wrong 'net_values run made.h5'
    "$python" -c 'import numpy as np
a, b = [np.fromfile(f, np.float32) for f in ("made.f32", "ours.f32")]
assert len(a) == len(b) and abs(a - b).max() < 1e-5 and a.std() > .01' || wrong 'as Keras predicts'
fi
[ "$bad" -ne 0 ] || exit "$left_out"
exit 1
