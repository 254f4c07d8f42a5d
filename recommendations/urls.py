from django.urls import path

from core.api import paths  # noqa: F401  # registers the converter of ids
from recommendations.api import catalogue, events, health, insights, models, placements, recommend

urlpatterns = [
    # First what is asked for most: patterns are tried in turn.
    path("recommendations/users/<id:user_id>/buy-again/", recommend.BuyAgainItems.as_view()),
    path(
        "recommendations/users/<id:user_id>/recently-viewed/",
        recommend.RecentlyViewedItems.as_view(),
    ),
    path("recommendations/users/<id:user_id>/", recommend.UserRecommendations.as_view()),
    path("recommendations/session/", recommend.SessionRecommendations.as_view()),
    path("recommendations/popular/", recommend.PopularItems.as_view()),
    path("recommendations/trending/", recommend.TrendingItems.as_view()),
    path("recommendations/latest/", recommend.LatestItems.as_view()),
    path("recommendations/rank/", recommend.RankedItems.as_view()),
    path("recommendations/batch/", recommend.BatchRecommendations.as_view()),
    path("recommendations/placements/<slug:name>/", placements.PlacementRecommendations.as_view()),
    path("health/live/", health.live),
    path("health/ready/", health.ready),
    path("users/<id:user_id>/events/", events.UserEvents.as_view(row="user")),
    path("items/", catalogue.Items.as_view()),
    path("items/bulk/", catalogue.ItemsBulk.as_view(row="item")),
    path("items/<id:item_id>/similar/", recommend.SimilarItems.as_view(row="item")),
    path("items/<id:item_id>/bought-together/", recommend.BoughtTogetherItems.as_view(row="item")),
    path("items/<id:item_id>/", catalogue.ItemDetail.as_view(), name="item"),
    path("events/", events.Events.as_view()),
    path("events/<id:event_id>/", events.EventDetail.as_view()),
    path("placements/", placements.Placements.as_view()),
    path("placements/preview/", placements.PreviewPlacement.as_view(row="placement")),
    path("placements/<slug:name>/versions/", placements.PlacementVersions.as_view()),
    path("placements/<slug:name>/revert/", placements.RevertPlacement.as_view()),
    path("placements/<slug:name>/", placements.PlacementDetail.as_view(), name="placement"),
    path("models/", models.ModelVersions.as_view()),
    path("models/<id:version>/publish/", models.PublishModel.as_view()),
    path("models/<id:version>/", models.ModelVersionDetail.as_view()),
    path("insights/", insights.InsightsReport.as_view()),
    path("jobs/", models.Jobs.as_view()),
    path("jobs/<id:job_id>/cancel/", models.CancelJob.as_view()),
    path("jobs/<id:job_id>/", models.JobDetail.as_view()),
]
