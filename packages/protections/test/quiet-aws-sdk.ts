// Node.js 20 is the oldest supported version. Without this the SDK warns in every process that it will drop it.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";
