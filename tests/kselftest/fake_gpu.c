// SPDX-License-Identifier: GPL-2.0
/*
 * xsched_fake_gpu.ko, for tests only: hangs a GPU node that does not exist, with
 * two compute queues, on a real process of the real KFD. KFD's own code for
 * updating, evicting and suspending queues then runs on them.
 *
 * It is compiled with the private headers of amdgpu, and good for exactly the
 * kernel that they belong to. A read of the device tells the sizes of the
 * structures, to be compared with amdgpu's BTF before anything is attached.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kprobes.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/static_call.h>
#include <linux/uaccess.h>
#include <asm/ibt.h>

#include "fake_node.h"

static int xs_no_suspend(struct kfd_process *p, u32 n, u32 grace, u64 clear, u32 *ids)
{
	return -ENODEV;
}

static int xs_no_resume(struct kfd_process *p, u32 n, u32 *ids)
{
	return -ENODEV;
}

DEFINE_STATIC_CALL(xs_suspend_queues, xs_no_suspend);
DEFINE_STATIC_CALL(xs_resume_queues, xs_no_resume);

static struct miscdevice xs_fake_misc;
/* Guards the next two. */
static DEFINE_MUTEX(xs_fake_lock);
static struct xs_fake *xs_attached;
static LIST_HEAD(xs_all);
/* Nobody wakes it: left by a signal. */
static DECLARE_WAIT_QUEUE_HEAD(xs_never);

/*
 * The open /dev/kfd is what keeps KFD's process: KFD frees it, and all devices
 * that still hang on it, after the last reference. A killed process closes its
 * files after its mm has gone; ours is then still ours to take away.
 */
static struct file *xs_get_kfd(int fd)
{
	struct file *filp = fget(fd);
	struct kfd_process *p;

	if (!filp)
		return ERR_PTR(-EBADF);
	p = filp->private_data;
	if (!filp->f_op->owner || strcmp(filp->f_op->owner->name, "amdgpu") ||
	    strcmp(filp->f_path.dentry->d_name.name, "kfd") || !p || p->mm != current->mm) {
		fput(filp);
		return ERR_PTR(-EINVAL);
	}
	return filp;
}

static int xs_attach(struct file *filp, int fd)
{
	struct kfd_process *p;
	struct xs_fake *fake;
	int ret;
	u32 i;

	lockdep_assert_held(&xs_fake_lock);
	if (xs_attached)
		return -EBUSY;
	fake = kvzalloc(sizeof(*fake), GFP_KERNEL);
	if (!fake)
		return -ENOMEM;
	fake->kfd = xs_get_kfd(fd);
	if (IS_ERR(fake->kfd)) {
		ret = PTR_ERR(fake->kfd);
		goto err_free;
	}
	p = fake->kfd->private_data;
	fake->process = p;
	xs_node_init(fake, xs_fake_misc.this_device);

	mutex_lock(&p->mutex);
	/* Not beside a real GPU: its queues could have these ids. */
	if (p->n_pdds) {
		ret = -EEXIST;
		goto err_unlock;
	}
	for (i = 0; i < XS_FAKE_QUEUES; i++)
		list_add_tail(&fake->slot[i].pqn.process_queue_list, &p->pqm.queues);
	p->pdds[0] = &fake->pdd;
	/* Evictions take no lock: who sees the count must see the pointer. */
	smp_store_release(&p->n_pdds, 1);
	mutex_unlock(&p->mutex);
	list_add(&fake->in_all, &xs_all);
	filp->private_data = fake;
	xs_attached = fake;
	return 0;

err_unlock:
	mutex_unlock(&p->mutex);
	fput(fake->kfd);
err_free:
	kvfree(fake);
	return ret;
}

/* Only the count goes: who walks the devices just now still finds a pointer. */
static void xs_detach(struct xs_fake *fake)
{
	u32 i;

	mutex_lock(&fake->process->mutex);
	WRITE_ONCE(fake->process->n_pdds, 0);
	for (i = 0; i < XS_FAKE_QUEUES; i++)
		list_del(&fake->slot[i].pqn.process_queue_list);
	mutex_unlock(&fake->process->mutex);
	fput(fake->kfd);
	xs_attached = NULL;
}

/* With the mutex that the debugger's ioctl holds; the ids stand in user memory. */
static int xs_debug(struct xs_fake *fake, bool suspend, struct xs_fake_debug __user *arg)
{
	u32 __user *ids = arg->ids;
	s32 ret;
	u32 i;

	for (i = 0; i < XS_FAKE_QUEUES; i++)
		if (put_user(i, &ids[i]))
			return -EFAULT;
	mutex_lock(&fake->process->mutex);
	ret = suspend ? static_call(xs_suspend_queues)(fake->process, XS_FAKE_QUEUES, 0, 0,
						       (__force u32 *)ids) :
			static_call(xs_resume_queues)(fake->process, XS_FAKE_QUEUES,
						      (__force u32 *)ids);
	mutex_unlock(&fake->process->mutex);
	return put_user(ret, &arg->ret);
}

static int xs_lock_vm(struct xs_fake *fake)
{
	struct dma_resv *resv = fake->root.tbo.base.resv;

	dma_resv_lock(resv, NULL);
	wait_event_interruptible(xs_never, false);
	dma_resv_unlock(resv);
	return -EINTR;
}

static long xs_fake_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct xs_fake_state state;
	struct xs_fake *fake;
	int ret = 0;

	mutex_lock(&xs_fake_lock);
	fake = xs_attached;
	if (cmd == XS_FAKE_ATTACH)
		ret = xs_attach(filp, (int)arg);
	else if (!fake)
		ret = -ENODEV;
	else if (cmd == XS_FAKE_STATE)
		xs_node_state(fake, &state);
	else if (cmd == XS_FAKE_SUSPEND_QUEUES || cmd == XS_FAKE_RESUME_QUEUES)
		ret = xs_debug(fake, cmd == XS_FAKE_SUSPEND_QUEUES, (void __user *)arg);
	else if (cmd == XS_FAKE_QUERY_EVENTS)
		xs_node_query_events(fake);
	else if (cmd == XS_FAKE_FAULT)
		xs_node_fault(fake, arg);
	else if (cmd != XS_FAKE_LOCK_VM)
		ret = -ENOTTY;
	mutex_unlock(&xs_fake_lock);
	if (ret)
		return ret;
	if (cmd == XS_FAKE_LOCK_VM)
		return xs_lock_vm(fake);
	if (cmd == XS_FAKE_STATE && copy_to_user((void __user *)arg, &state, sizeof(state)))
		return -EFAULT;
	return 0;
}

#define XS_SIZE(type) { #type, sizeof(struct type) }

static ssize_t xs_fake_read(struct file *filp, char __user *buf, size_t count, loff_t *pos)
{
	static const struct {
		const char *name;
		size_t size;
	} layouts[] = {
		XS_SIZE(kfd_process), XS_SIZE(kfd_process_device), XS_SIZE(kfd_node),
		XS_SIZE(kfd_dev), XS_SIZE(device_queue_manager), XS_SIZE(mqd_manager),
		XS_SIZE(queue), XS_SIZE(process_queue_node), XS_SIZE(amdgpu_device),
		XS_SIZE(amdgpu_reset_domain), XS_SIZE(amdgpu_fpriv), XS_SIZE(amdgpu_bo),
		XS_SIZE(amdgpu_bo_va), XS_SIZE(amdgpu_bo_va_mapping),
	};
	char text[768];
	int len = 0;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(layouts); i++)
		len += scnprintf(text + len, sizeof(text) - len, "%s %zu\n", layouts[i].name,
				 layouts[i].size);
	return simple_read_from_buffer(buf, count, pos, text, len);
}

static int xs_fake_release(struct inode *inode, struct file *filp)
{
	struct xs_fake *fake = filp->private_data;

	mutex_lock(&xs_fake_lock);
	if (fake)
		xs_detach(fake);
	mutex_unlock(&xs_fake_lock);
	return 0;
}

/* Without it misc_open() leaves the device itself in private_data. */
static int xs_fake_open(struct inode *inode, struct file *filp)
{
	filp->private_data = NULL;
	return 0;
}

static const struct file_operations xs_fake_fops = {
	.owner = THIS_MODULE,
	.open = xs_fake_open,
	.read = xs_fake_read,
	.unlocked_ioctl = xs_fake_ioctl,
	.release = xs_fake_release,
};

static struct miscdevice xs_fake_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = XS_FAKE_NAME,
	.mode = 0600,
	.fops = &xs_fake_fops,
};

/* Entry of a function of amdgpu.ko, or NULL. */
static void *xs_find(const char *symbol)
{
	struct kprobe probe = { .symbol_name = symbol };
	u8 *entry;

	if (register_kprobe(&probe)) {
		pr_err("%s: not found\n", symbol);
		return NULL;
	}
	entry = (u8 *)probe.addr;
	unregister_kprobe(&probe);
	/* A probe goes behind an ENDBR; a call through a pointer must not. */
	if (is_endbr(*(u32 *)(entry - ENDBR_INSN_SIZE)))
		entry -= ENDBR_INSN_SIZE;
	return entry;
}

static int __init xs_fake_init(void)
{
	void *suspend = xs_find("amdgpu:suspend_queues");
	void *resume = xs_find("amdgpu:resume_queues");

	xs_real.update = xs_find("amdgpu:update_queue");
	xs_real.evict = xs_find("amdgpu:evict_process_queues_cpsch");
	xs_real.restore = xs_find("amdgpu:restore_process_queues_cpsch");
	if (!suspend || !resume || !xs_real.update || !xs_real.evict || !xs_real.restore)
		return -ENOENT;
	static_call_update(xs_suspend_queues, suspend);
	static_call_update(xs_resume_queues, resume);
	return misc_register(&xs_fake_misc);
}

/* xsched, which may be inside KFD on our behalf, is unloaded before (init). */
static void __exit xs_fake_exit(void)
{
	struct xs_fake *fake, *next;

	misc_deregister(&xs_fake_misc);
	list_for_each_entry_safe(fake, next, &xs_all, in_all)
		kvfree(fake);
}

module_init(xs_fake_init);
module_exit(xs_fake_exit);

MODULE_DESCRIPTION("A GPU node that does not exist, inside the real KFD, for tests of xsched");
MODULE_LICENSE("GPL");
