/* release: which release of Gatehouse this is. */
#ifndef COMMON_CORE_RELEASE_H
#define COMMON_CORE_RELEASE_H

#define GATEHOUSE_RELEASE "0.1.0"

#endif
