/* The Python side: arguments are checked here, and nowhere else. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "array.h"

#include <stdlib.h>
#include <string.h>

enum { ABI = 1, MAX_ARGUMENTS = 8 };

/* Letting other threads run costs more than a smaller call. */
enum { RELEASE_FROM = 10000 };

/* What an argument is: an Operand, or one of these. */
enum { AXIS = OPERANDS, END };

static const char *const operand_names[OPERANDS] = {
    [X] = "the first argument", [OUT] = "out", [KEEP] = "where", [G] = "g", [LABELS] = "labels",
    [SCALE] = "scale", [LOSS] = "loss",
};

typedef struct {
    int arguments[MAX_ARGUMENTS + 1];
    unsigned reduced; /* the operands that have length 1 along the axis */
} Signature;

#define BIT(operand) (1u << (operand))
static const Signature signatures[OPS] = {
    [SOFTMAX] = {{X, OUT, AXIS, KEEP, END}, 0},
    [LOG_SOFTMAX] = {{X, OUT, AXIS, KEEP, END}, 0},
    [LOGSUMEXP] = {{X, OUT, AXIS, KEEP, END}, BIT(OUT)},
    [SOFTMAX_VJP] = {{X, G, OUT, AXIS, KEEP, END}, 0},
    [LOG_SOFTMAX_VJP] = {{X, G, OUT, AXIS, KEEP, END}, 0},
    [LOGSUMEXP_VJP] = {{X, G, OUT, AXIS, KEEP, END}, BIT(G)},
    [LABEL_NLL] = {{X, LABELS, LOSS, AXIS, KEEP, END}, BIT(LABELS) | BIT(LOSS)},
    [LABEL_NLL_GRAD] = {{X, LABELS, SCALE, LOSS, OUT, AXIS, KEEP, END}, BIT(LABELS) | BIT(SCALE) | BIT(LOSS)},
};

typedef struct {
    const Engine *float32, *float64;
} State;

typedef struct {
    Py_buffer view;
    char code; /* of its type; 0: none that is known */
    int held;
} View;

static char type_code(const Py_buffer *view)
{
    const char *format = view->format ? view->format : "B";
    const uint16_t one = 1;
    if (*format == '@' || *format == '=' || (*format == '<' && *(const char *)&one))
        format++;
    if (*format == '\0' || format[1] != '\0')
        return 0;
    switch (*format) {
    case 'd':
        return view->itemsize == 8 ? 'd' : 0;
    case 'f':
        return view->itemsize == 4 ? 'f' : 0;
    case 'e':
        return view->itemsize == 2 ? 'e' : 0;
    case 'h':
    case 'H':
        return view->itemsize == 2 ? 'h' : 0;
    case 'l':
    case 'q':
        return view->itemsize == 8 ? 'q' : 0;
    case '?':
        return view->itemsize == 1 ? '?' : 0;
    default:
        return 0;
    }
}

static int hold(PyObject *argument, int operand, View *v)
{
    const int writes = operand == OUT || operand == LOSS;
    if (PyObject_GetBuffer(argument, &v->view, writes ? PyBUF_RECORDS : PyBUF_RECORDS_RO) < 0)
        return -1;
    v->held = 1;
    if (v->view.ndim < 1 || v->view.ndim > MAX_DIMS || !v->view.shape) {
        PyErr_Format(PyExc_ValueError, "%s: 1 to 64 dimensions expected", operand_names[operand]);
        return -1;
    }
    v->code = type_code(&v->view);
    return 0;
}

/* The type that an operand must have beside logits of a type. */
static char expected_code(int operand, char x)
{
    switch (operand) {
    case KEEP:
        return '?';
    case LABELS:
        return 'q';
    case SCALE:
    case LOSS:
        return x == 'd' ? 'd' : 'f';
    default:
        return x;
    }
}

static int set_logits(Task *task, const State *state, const View *v)
{
    if (!v->code || !strchr("dfeh", v->code)) {
        PyErr_Format(PyExc_TypeError, "the first argument: format 'd', 'f', 'e', 'h' or 'H' expected, not '%s'",
                     v->view.format ? v->view.format : "B");
        return -1;
    }
    task->engine = v->code == 'd' ? state->float64 : state->float32;
    task->storage = v->code == 'e' ? HALF : v->code == 'h' ? BRAIN : NATIVE;
    task->ndim = v->view.ndim;
    for (int d = 0; d < task->ndim; d++)
        task->shape[d] = (size_t)v->view.shape[d];
    return 0;
}

static int set_axis(Task *task, PyObject *argument)
{
    const Py_ssize_t axis = PyLong_AsSsize_t(argument);
    if (axis == -1 && PyErr_Occurred())
        return -1;
    if (axis < 0 || axis >= task->ndim) {
        PyErr_Format(PyExc_ValueError, "axis: %zd is not in 0..%d", axis, task->ndim - 1);
        return -1;
    }
    task->axis = (int)axis;
    return 0;
}

/* Some exporters have no strides: their memory is in C order. */
static void set_strides(ptrdiff_t *strides, const Py_buffer *view)
{
    ptrdiff_t stride = (ptrdiff_t)view->itemsize;
    for (int d = view->ndim - 1; d >= 0; d--) {
        strides[d] = view->strides ? (ptrdiff_t)view->strides[d] : stride;
        stride *= (ptrdiff_t)view->shape[d];
    }
}

static int set_array(Task *task, int operand, const View *v, char x, int reduced)
{
    const char *name = operand_names[operand];
    Array *array = &task->arrays[operand];
    if (v->code != expected_code(operand, x)) {
        PyErr_Format(PyExc_TypeError, "%s: a buffer of another format expected, not '%s'", name,
                     v->view.format ? v->view.format : "B");
        return -1;
    }
    if (v->view.ndim != task->ndim) {
        PyErr_Format(PyExc_ValueError, "%s: %d dimensions expected, not %d", name, task->ndim, v->view.ndim);
        return -1;
    }
    for (int d = 0; d < task->ndim; d++) {
        const size_t length = reduced && d == task->axis ? 1 : task->shape[d];
        if ((size_t)v->view.shape[d] != length) {
            PyErr_Format(PyExc_ValueError, "%s: length %zu expected in dimension %d, not %zd", name, length, d,
                         v->view.shape[d]);
            return -1;
        }
    }
    set_strides(array->strides, &v->view);
    if (reduced)
        array->strides[task->axis] = 0;
    array->reduced = reduced;
    array->element = (size_t)v->view.itemsize;
    array->p = v->view.buf;
    return 0;
}

static int set_task(Task *task, const State *state, PyObject *const *arguments, View *views)
{
    const Signature *signature = &signatures[task->op];
    int i = 0;
    for (; signature->arguments[i] != END; i++) {
        const int what = signature->arguments[i];
        if (what == AXIS ? set_axis(task, arguments[i]) < 0
                         : !(what == KEEP && arguments[i] == Py_None) && hold(arguments[i], what, &views[what]) < 0)
            return -1;
        if (what == X && set_logits(task, state, &views[X]) < 0)
            return -1;
    }
    for (int k = 0; k < OPERANDS; k++)
        if (views[k].held && set_array(task, k, &views[k], views[X].code, (signature->reduced & BIT(k)) != 0) < 0)
            return -1;
    return 0;
}

static int check_overlap(const Task *task)
{
    int result, other;
    if (!task_overlaps(task, &result, &other))
        return 0;
    const int may_be_same = result == OUT && (other == X || other == G);
    PyErr_Format(PyExc_ValueError, "%s: shares memory with %s; use memory of its own%s", operand_names[result],
                 operand_names[other], may_be_same ? ", or exactly the same" : "");
    return -1;
}

static int run(Task *task)
{
    int status;
    if (task_size(task) < RELEASE_FROM) {
        status = task_run(task);
    } else {
        Py_BEGIN_ALLOW_THREADS
        status = task_run(task);
        Py_END_ALLOW_THREADS
    }
    if (status < 0)
        PyErr_NoMemory();
    return status;
}

static PyObject *call(PyObject *module, PyObject *const *arguments, Py_ssize_t count, Op op)
{
    Task task;
    View views[OPERANDS];
    Py_ssize_t expected = 0;
    task.op = op;
    for (int k = 0; k < OPERANDS; k++) {
        views[k].held = 0;
        task.arrays[k].p = NULL;
    }
    while (signatures[op].arguments[expected] != END)
        expected++;
    if (count != expected) {
        PyErr_Format(PyExc_TypeError, "%zd arguments expected, not %zd", expected, count);
        return NULL;
    }
    int status = set_task(&task, PyModule_GetState(module), arguments, views);
    if (status == 0)
        status = check_overlap(&task);
    if (status == 0)
        status = run(&task);
    for (int k = 0; k < OPERANDS; k++)
        if (views[k].held)
            PyBuffer_Release(&views[k].view);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

#define DEFINE(name, op) \
    static PyObject *name(PyObject *module, PyObject *const *arguments, Py_ssize_t count) \
    { \
        return call(module, arguments, count, op); \
    }

DEFINE(softmax, SOFTMAX)
DEFINE(log_softmax, LOG_SOFTMAX)
DEFINE(logsumexp, LOGSUMEXP)
DEFINE(softmax_vjp, SOFTMAX_VJP)
DEFINE(log_softmax_vjp, LOG_SOFTMAX_VJP)
DEFINE(logsumexp_vjp, LOGSUMEXP_VJP)
DEFINE(label_nll, LABEL_NLL)
DEFINE(label_nll_grad, LABEL_NLL_GRAD)

#define METHOD(name, text) {#name, (PyCFunction)(void (*)(void))name, METH_FASTCALL, #name text}

static PyMethodDef methods[] = {
    METHOD(softmax, "(x, out, axis, where, /)\n--\n\nWrite softmax(x)."),
    METHOD(log_softmax, "(x, out, axis, where, /)\n--\n\nWrite log softmax(x)."),
    METHOD(logsumexp, "(x, out, axis, where, /)\n--\n\nWrite the logarithm of the sum of exp(x)."),
    METHOD(softmax_vjp, "(p, g, out, axis, where, /)\n--\n\nWrite p * (g - sum(p * g))."),
    METHOD(log_softmax_vjp, "(log_p, g, out, axis, where, /)\n--\n\nWrite g - exp(log_p) * sum(g)."),
    METHOD(logsumexp_vjp, "(x, g, out, axis, where, /)\n--\n\nWrite g * softmax(x)."),
    METHOD(label_nll, "(x, labels, out, axis, where, /)\n--\n\nWrite -log softmax(x) at the labels."),
    METHOD(label_nll_grad,
           "(x, labels, scale, loss, grad, axis, where, /)\n--\n\nWrite -log softmax(x) at the labels, and its "
           "gradient times scale."),
    {NULL, NULL, 0, NULL},
};

typedef struct {
    const char *name;
    State state;
} Variant;

/* Those that this processor has, the best one last. Returns how many there are. */
static int supported(Variant *variants)
{
    int n = 0;
    variants[n++] = (Variant){"portable", {&float32_portable, &float64_portable}};
#ifdef HAVE_X86_VARIANTS
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        variants[n++] = (Variant){"avx2", {&float32_avx2, &float64_avx2}};
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
            variants[n++] = (Variant){"avx512", {&float32_avx512, &float64_avx512}};
    }
#endif
    return n;
}

static const Variant *chosen(const Variant *variants, int n)
{
    const char *wanted = getenv("SOFTMAX_XP_KERNELS_VARIANT");
    if (!wanted || !*wanted)
        return &variants[n - 1];
    for (int i = 0; i < n; i++)
        if (strcmp(variants[i].name, wanted) == 0)
            return &variants[i];
    PyErr_Format(PyExc_ImportError, "SOFTMAX_XP_KERNELS_VARIANT: this processor and this build have no '%s'", wanted);
    return NULL;
}

static int add(PyObject *module, const char *name, PyObject *value)
{
    const int status = value ? PyModule_AddObjectRef(module, name, value) : -1;
    Py_XDECREF(value);
    return status;
}

static int execute(PyObject *module)
{
    Variant variants[3];
    const int n = supported(variants);
    const Variant *best = chosen(variants, n);
    if (!best)
        return -1;
    *(State *)PyModule_GetState(module) = best->state;
    PyObject *names = PyTuple_New(n);
    for (int i = 0; names && i < n; i++) {
        PyObject *name = PyUnicode_FromString(variants[n - 1 - i].name);
        if (!name || PyTuple_SetItem(names, i, name) < 0)
            Py_CLEAR(names);
    }
    if (add(module, "VARIANTS", names) < 0 || add(module, "VARIANT", PyUnicode_FromString(best->name)) < 0)
        return -1;
    return PyModule_AddIntConstant(module, "ABI", ABI);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)execute},
#ifdef Py_GIL_DISABLED
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "softmax_xp_kernels._kernels",
    .m_doc = "Softmax and its kin over buffers.",
    .m_size = sizeof(State),
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__kernels(void)
{
    return PyModuleDef_Init(&definition);
}
