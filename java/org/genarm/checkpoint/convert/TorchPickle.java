package org.genarm.checkpoint.convert;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.TensorType;

/**
 * The only names that a checkpoint's pickle may use, and what each stands for: none of them runs anything.
 *
 * <p>Source: {@code torch/serialization.py} (persistent ids) and {@code torch/_utils.py} (arguments of the two functions).
 */
final class TorchPickle implements PickleReader.Host {
  private enum Function {
    ORDERED_DICT,
    REBUILD_TENSOR,
    REBUILD_PARAMETER
  }

  private record Storage(TensorType type, ZipArchive.Entry entry) {}

  private static final int MOST_DIMENSIONS = 8;
  private static final String DATA = "data.pkl";

  private static final Map<String, Object> ALLOWED =
      Map.ofEntries(
          Map.entry("collections.OrderedDict", Function.ORDERED_DICT),
          Map.entry("torch._utils._rebuild_tensor_v2", Function.REBUILD_TENSOR),
          Map.entry("torch._utils._rebuild_parameter", Function.REBUILD_PARAMETER),
          Map.entry("torch.DoubleStorage", TensorType.F64),
          Map.entry("torch.FloatStorage", TensorType.F32),
          Map.entry("torch.HalfStorage", TensorType.F16),
          Map.entry("torch.BFloat16Storage", TensorType.BF16),
          Map.entry("torch.LongStorage", TensorType.I64),
          Map.entry("torch.IntStorage", TensorType.I32),
          Map.entry("torch.ShortStorage", TensorType.I16),
          Map.entry("torch.CharStorage", TensorType.I8),
          Map.entry("torch.ByteStorage", TensorType.U8),
          Map.entry("torch.BoolStorage", TensorType.BOOL),
          // Bytes without a type: PyTorch reads them as uint8.
          Map.entry("torch.UntypedStorage", TensorType.U8),
          Map.entry("torch.storage.UntypedStorage", TensorType.U8));

  private final Path file;
  private final ZipArchive archive;
  private final String folder;

  /**
   * @param folder in which the archive keeps its entries, with a slash
   */
  TorchPickle(Path file, ZipArchive archive, String folder) {
    this.file = file;
    this.archive = archive;
    this.folder = folder;
  }

  /** The tensors of a state_dict by name, in its order. */
  static Map<String, TorchTensor> tensors(Path file, Object root) {
    if (!(root instanceof Map<?, ?> dictionary)) {
      throw new CheckpointException(file, DATA, "a dictionary of tensors", "another value");
    }
    Map<String, TorchTensor> tensors = new LinkedHashMap<>();
    for (Map.Entry<?, ?> entry : dictionary.entrySet()) {
      if (!(entry.getKey() instanceof String name)) {
        throw new CheckpointException(file, DATA, "names of tensors as keys", "the key " + entry.getKey());
      }
      if (!(entry.getValue() instanceof TorchTensor tensor)) {
        throw new CheckpointException(file, name, "a tensor", "another value");
      }
      tensors.put(name, tensor);
    }
    return tensors;
  }

  @Override
  public Object global(String module, String name) {
    Object allowed = ALLOWED.get(module + "." + name);
    if (allowed == null) {
      throw refused("only what torch.save names for tensors", "the global " + quote(module) + "." + quote(name));
    }
    return allowed;
  }

  @Override
  public Object call(Object function, List<Object> arguments) {
    if (!(function instanceof Function known)) {
      throw refused("a call of an allowed function", "REDUCE of another value");
    }
    return switch (known) {
      case ORDERED_DICT -> {
        require(arguments.isEmpty(), "an OrderedDict made empty", arguments.size() + " arguments");
        yield new LinkedHashMap<>();
      }
      case REBUILD_TENSOR -> tensor(arguments);
      case REBUILD_PARAMETER -> {
        boolean parameter = arguments.size() == 3 && arguments.get(0) instanceof TorchTensor;
        require(parameter, "a tensor for _rebuild_parameter", "other arguments");
        yield arguments.get(0);
      }
    };
  }

  @Override
  public Object persistent(Object id) {
    boolean storage =
        id instanceof PickleReader.Tuple tuple
            && tuple.items().size() == 5
            && "storage".equals(tuple.items().get(0))
            && tuple.items().get(1) instanceof TensorType
            && tuple.items().get(2) instanceof String
            && tuple.items().get(4) instanceof Long;
    require(storage, "the id of a storage", "another persistent id");
    List<Object> items = ((PickleReader.Tuple) id).items();
    TensorType type = (TensorType) items.get(1);
    long elements = (Long) items.get(4);
    ZipArchive.Entry entry = entry(folder + "data/" + items.get(2));
    int width = type.bits() / Byte.SIZE;
    if (elements < 0 || entry.bytes() % width != 0 || elements != entry.bytes() / width) {
      throw new CheckpointException(
          file, entry.name(), elements + " elements of " + type, entry.bytes() + " bytes");
    }
    return new Storage(type, entry);
  }

  /** Arguments: storage, offset, size, stride, requires_grad, backward_hooks and, from some versions on, metadata. */
  private TorchTensor tensor(List<Object> arguments) {
    boolean typed =
        (arguments.size() == 6 || arguments.size() == 7)
            && arguments.get(0) instanceof Storage
            && arguments.get(1) instanceof Long
            && arguments.get(2) instanceof PickleReader.Tuple
            && arguments.get(3) instanceof PickleReader.Tuple;
    require(typed, "storage, offset, size and stride for _rebuild_tensor_v2", "other arguments");
    boolean plain = arguments.size() == 6 || arguments.get(6) instanceof Map<?, ?> metadata && metadata.isEmpty();
    require(plain, "a tensor without metadata", "a conjugate, negated or annotated one");
    Storage storage = (Storage) arguments.get(0);
    List<Long> shape = numbers(arguments.get(2));
    List<Long> strides = numbers(arguments.get(3));
    require(shape.size() == strides.size(), shape.size() + " strides", strides.size() + "");
    require(shape.size() <= MOST_DIMENSIONS, "at most 8 dimensions", shape.size() + "");
    long offset = (Long) arguments.get(1);
    TorchTensor tensor = new TorchTensor(storage.type(), storage.entry(), offset, shape, strides);
    long available = storage.entry().bytes() / tensor.elementBytes();
    try {
      boolean inside = offset >= 0 && tensor.bytes() >= 0 && tensor.end() <= available;
      require(inside, "a view inside its storage of " + available + " elements", view(tensor));
    } catch (ArithmeticException overflow) {
      throw refused("a view inside its storage of " + available + " elements", view(tensor));
    }
    require(tensor.elements() <= available, "a view that reads no element twice", view(tensor));
    return tensor;
  }

  private List<Long> numbers(Object tuple) {
    return ((PickleReader.Tuple) tuple)
        .items().stream()
            .map(
                item -> {
                  require(item instanceof Long number && number >= 0, "sizes and strides from 0 on", "another value");
                  return (Long) item;
                })
            .collect(Collectors.toList());
  }

  private ZipArchive.Entry entry(String name) {
    try {
      return archive.entry(name);
    } catch (IOException unreadable) {
      throw new UncheckedIOException(unreadable);
    }
  }

  private static String view(TorchTensor tensor) {
    return "offset " + tensor.offset() + ", shape " + tensor.shape() + ", strides " + tensor.strides();
  }

  private static String quote(String name) {
    return CheckpointException.quote(name);
  }

  private void require(boolean holds, String expected, String found) {
    if (!holds) {
      throw refused(expected, found);
    }
  }

  private CheckpointException refused(String expected, String found) {
    return new CheckpointException(file, DATA, expected, found);
  }
}
