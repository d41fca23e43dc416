// Package docs holds what people read, and the tests that hold it to the code.
package docs
