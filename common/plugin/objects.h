/* objects: plugins built outside the tree, as shared objects in the folder that `plugin_dir` names (plugins-beyond.md
 * 15). Both planes load the same folder before they do anything else, for an object's schemas are part of the model.
 *
 * An object says with which PLUGIN_ABI it was built and how large the structs were that it knows (PLUGIN_OBJECT in
 * plugin.h). One that does not fit stops the start with a text that says so: leaving it out could open what it
 * guards. */
#ifndef COMMON_PLUGIN_OBJECTS_H
#define COMMON_PLUGIN_OBJECTS_H

#include "common/core/err.h"
#include "common/core/slice.h"

/* Loads every *.so of the folder, in the order of their names, and adds their plugins to the registry. dir unset:
 * none. Once per process, before the registry is used by others and before there are threads. */
bool objects_load(struct slice dir, struct err *e);

#endif
