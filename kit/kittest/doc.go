package kittest
