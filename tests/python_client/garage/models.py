"""A car and who drives it."""

from django.db import models


class Driver(models.Model):  # type: ignore[misc]
    name = models.CharField(max_length=50)

    class Meta:
        app_label = "garage"


class Car(models.Model):  # type: ignore[misc]
    name = models.CharField(max_length=50)
    drivers = models.ManyToManyField(Driver)
    built_at = models.DateTimeField(null=True)
    price = models.DecimalField(max_digits=28, decimal_places=9, null=True)
    lap = models.DurationField(null=True)
    plan = models.FileField(blank=True)
    setup = models.JSONField(default=dict)
    raw = models.BinaryField(null=True)
    version = models.IntegerField(default=7)

    class Meta:
        app_label = "garage"
