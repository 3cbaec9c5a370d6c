/** {@code genarm bench} and {@code genarm profile}: load, clocks and tables. */
package org.genarm.cli.measure;
