package org.genarm;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.genarm.binding.Device;
import org.genarm.binding.Dtype;
import org.genarm.guidance.View;
import org.genarm.model.Adapter;
import org.genarm.model.AdapterConfig;
import org.genarm.model.LoadOptions;
import org.genarm.model.Model;

/**
 * Loads the models of views. A checkpoint that several views name is loaded once and shared: a reward model that is an
 * adapter of the base costs its adapter alone.
 */
final class ViewLoader {
  /** What messages call the model that drafts. */
  static final String DRAFT = "draft";

  private final Device device;
  private final GenArmBuilder.LoadListener listener;
  private final List<Runnable> opened;
  private final Map<String, Model> loaded = new LinkedHashMap<>();

  /** opened: receives what closes each model, in order. */
  ViewLoader(Device device, GenArmBuilder.LoadListener listener, List<Runnable> opened) {
    this.device = device;
    this.listener = listener;
    this.opened = opened;
  }

  /** Tells the listener where `auto` has come to a CPU. */
  static Device openDevice(String name, int threads, GenArmBuilder.LoadListener listener) {
    Device opened = Device.open(name, threads);
    if (name.equals("auto") && Device.cudaCount() == 0) {
      listener.onCpu(Device.whyNoCuda());
    }
    return opened;
  }

  View base(Path directory, Dtype kept) {
    return View.base(model(View.BASE, directory, kept));
  }

  /**
   * A reward model: a full checkpoint, or an adapter over {@code base}.
   *
   * @param preference of a preference-conditioned adapter; null takes its own
   */
  View arm(String name, Path directory, Path base, Dtype kept, List<Float> preference, float weight) {
    if (!AdapterConfig.isIn(directory)) {
      if (preference != null) {
        throw new IllegalArgumentException("a preference is given for " + name + ", which is not an adapter");
      }
      return new View(name, model(name, directory, kept), weight);
    }
    Model model = model(name, base, kept);
    Adapter adapter = Adapter.load(model, directory);
    opened.add(adapter::close);
    return new View(name, model, adapter, preference == null ? adapter.config().preference() : preference, weight);
  }

  /** A model that drafts in the base's stead. */
  View draft(Path directory, Dtype kept) {
    return new View(DRAFT, model(DRAFT, directory, kept), 1);
  }

  private Model model(String view, Path directory, Dtype kept) {
    String key = kept + " " + directory.toAbsolutePath().normalize();
    Model model = loaded.get(key);
    if (model == null) {
      LoadOptions options =
          new LoadOptions(kept, (bytes, totalBytes) -> listener.loaded(view, bytes, totalBytes));
      model = Model.load(device, directory, options);
      loaded.put(key, model);
      opened.add(model::close);
    }
    return model;
  }
}
