/* in_step: see in_step.h. */
#include "tests/support/in_step.h"

#include "cp/publish/publish.h"

bool is_known_in_step(void)
{
	json_t *all = json_array();
	publish_nodes(all);
	bool in_step = json_array_size(all) == 1 && json_is_true(json_object_get(json_array_get(all, 0), "in_step"));
	json_decref(all);
	return in_step;
}
