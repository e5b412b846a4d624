// SPDX-License-Identifier: GPL-2.0
/*
 * Finds amdgpu and the mock engine, and keeps them loaded while a file is
 * open. amdgpu may come and go while nobody has /dev/xsched open: a module
 * notifier binds and unbinds the engines.
 *
 * Lock order: xs_bind_lock, then the core's.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/device.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/pci.h>
#include <linux/workqueue.h>

#include "glue.h"

#define XS_DRIVER "amdgpu"

static DEFINE_MUTEX(xs_bind_lock);
static struct module *xs_amdgpu; /* bound; a reference only while pinned */
static struct module *xs_mock_owner;
static bool xs_amdgpu_held, xs_mock_held;
static unsigned int xs_users;

static void xs_bind_module(struct module *module)
{
	lockdep_assert_held(&xs_bind_lock);
	if (xs_amdgpu || !try_module_get(module))
		return;
	xs_amdgpu = module;
	xs_kfd_bind(module);
	xs_amdgpu_held = xs_users > 0;
	if (!xs_amdgpu_held)
		module_put(module);
}

static void xs_bind_driver(struct work_struct *work)
{
	struct device_driver *driver;

	mutex_lock(&xs_bind_lock);
	driver = driver_find(XS_DRIVER, &pci_bus_type);
	if (driver && driver->owner)
		xs_bind_module(driver->owner);
	else if (driver)
		xs_kfd_unbind("amdgpu is built in: only the module can be bound");
	mutex_unlock(&xs_bind_lock);
}

static DECLARE_WORK(xs_bind_work, xs_bind_driver);

static int xs_module_event(struct notifier_block *nb, unsigned long state, void *data)
{
	struct module *module = data;

	if (strcmp(module->name, XS_DRIVER))
		return NOTIFY_DONE;
	if (state == MODULE_STATE_LIVE) {
		/* Binding resolves symbols and reads BTF: not in the notifier. */
		schedule_work(&xs_bind_work);
	} else if (state == MODULE_STATE_GOING) {
		mutex_lock(&xs_bind_lock);
		if (xs_amdgpu == module) {
			/* Its count is 0, so nobody has a file open. */
			xs_amdgpu = NULL;
			xs_kfd_unbind("amdgpu was unloaded");
		}
		mutex_unlock(&xs_bind_lock);
	}
	return NOTIFY_DONE;
}

static struct notifier_block xs_module_nb = { .notifier_call = xs_module_event };

/* A file opens. */
void xs_pin(void)
{
	mutex_lock(&xs_bind_lock);
	if (!xs_users++) {
		xs_amdgpu_held = xs_amdgpu && try_module_get(xs_amdgpu);
		if (xs_amdgpu && !xs_amdgpu_held) {
			/* On its way out. */
			xs_amdgpu = NULL;
			xs_kfd_unbind("amdgpu is being unloaded");
		}
		xs_mock_held = xs_mock_owner && try_module_get(xs_mock_owner);
	}
	mutex_unlock(&xs_bind_lock);
}

/* A file has closed, and all that it held runs. */
void xs_unpin(void)
{
	mutex_lock(&xs_bind_lock);
	if (!--xs_users) {
		if (xs_amdgpu_held)
			module_put(xs_amdgpu);
		if (xs_mock_held)
			module_put(xs_mock_owner);
		xs_amdgpu_held = false;
		xs_mock_held = false;
	}
	mutex_unlock(&xs_bind_lock);
}

/* The mock engine offers itself; -EBUSY if there is one. */
int xsched_register_mock(const struct xs_engine_ops *ops, void *ctx, struct module *owner)
{
	int ret = -EBUSY;

	mutex_lock(&xs_bind_lock);
	if (!xs_mock_owner) {
		ret = 0;
		xs_mock_owner = owner;
		xs_mock_held = xs_users && try_module_get(owner);
		xs_core_set_engine(xs_core, XSCHED_ENGINE_MOCK, ops, ctx, 0, "");
	}
	mutex_unlock(&xs_bind_lock);
	return ret;
}
EXPORT_SYMBOL_GPL(xsched_register_mock);

void xsched_unregister_mock(void)
{
	mutex_lock(&xs_bind_lock);
	xs_core_set_engine(xs_core, XSCHED_ENGINE_MOCK, NULL, NULL, -ENODEV,
			   "xsched_mock is not loaded");
	xs_mock_owner = NULL;
	mutex_unlock(&xs_bind_lock);
}
EXPORT_SYMBOL_GPL(xsched_unregister_mock);

int xs_bind_init(void)
{
	int ret;

	mutex_lock(&xs_bind_lock);
	xs_kfd_unbind("amdgpu is not loaded");
	xs_core_set_engine(xs_core, XSCHED_ENGINE_MOCK, NULL, NULL, -ENODEV,
			   "xsched_mock is not loaded");
	mutex_unlock(&xs_bind_lock);
	ret = register_module_notifier(&xs_module_nb);
	if (ret)
		return ret;
	/* Here and now, so that an open right after loading finds the engines. */
	xs_bind_driver(&xs_bind_work);
	return 0;
}

void xs_bind_exit(void)
{
	unregister_module_notifier(&xs_module_nb);
	cancel_work_sync(&xs_bind_work);
	mutex_lock(&xs_bind_lock);
	xs_amdgpu = NULL;
	xs_kfd_unbind("xsched is being unloaded");
	mutex_unlock(&xs_bind_lock);
}
