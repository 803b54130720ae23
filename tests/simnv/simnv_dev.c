// SPDX-License-Identifier: GPL-2.0
/*
 * simnv_dev: character devices with NVIDIA's numbers that take its allocation ioctl and do
 * nothing. A test double: there is no GPU behind it, and no work is ever done.
 */
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include "simnv.h"

static unsigned int gpus = 2;
module_param(gpus, uint, 0444);
MODULE_PARM_DESC(gpus, "number of GPUs (2)");

static int simnv_open(struct inode *inode, struct file *file)
{
	return iminor(inode) < gpus || iminor(inode) == SIMNV_CONTROL ? 0 : -ENODEV;
}

static long simnv_alloc(void __user *arg)
{
	struct simnv_alloc alloc;

	if (copy_from_user(&alloc, arg, sizeof(alloc)))
		return -EFAULT;
	alloc.status = 0;
	return copy_to_user(arg, &alloc, sizeof(alloc)) ? -EFAULT : 0;
}

static long simnv_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *ptr = (void __user *)arg;
	unsigned int nr = _IOC_NR(cmd);
	struct simnv_xfer xfer;

	if (_IOC_TYPE(cmd) != SIMNV_MAGIC)
		return -EINVAL;
	if (nr == _IOC_NR(SIMNV_XFER)) {
		if (copy_from_user(&xfer, ptr, sizeof(xfer)))
			return -EFAULT;
		nr = xfer.cmd;
		ptr = u64_to_user_ptr(xfer.ptr);
	}
	return nr == SIMNV_NR_ALLOC ? simnv_alloc(ptr) : 0;
}

static const struct file_operations simnv_fops = {
	.owner = THIS_MODULE,
	.open = simnv_open,
	.unlocked_ioctl = simnv_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static int __init simnv_init(void)
{
	return register_chrdev(SIMNV_MAJOR, "simnv", &simnv_fops);
}

static void __exit simnv_exit(void)
{
	unregister_chrdev(SIMNV_MAJOR, "simnv");
}

module_init(simnv_init);
module_exit(simnv_exit);
MODULE_DESCRIPTION("Character devices with NVIDIA's numbers, for tests");
MODULE_LICENSE("GPL");
