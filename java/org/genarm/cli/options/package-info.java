/** Options that several verbs take (models, devices, templates, prompts, sampling), and what they make of them. */
package org.genarm.cli.options;
