"""What a report draws: charts, heat maps, slices and boxes."""
