package org.genarm.tokenizer.jinja;

import java.util.Map;

/** {@code namespace(...)}: the one value a template may change after making it. */
record Namespace(Map<String, Object> fields) {}
