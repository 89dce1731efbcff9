import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from oci.core import BlockstorageClient, ComputeClient, VirtualNetworkClient, models
from oci.exceptions import ServiceError
from oci.work_requests import WorkRequestClient

from tests.region.machines import Launch, NoMachines
from tests.region.region import Region

Connect = Callable[..., Any]
SHAPE = "VM.Standard.E4.Flex"


class Plugged:
    """Machines that boot when they are told to."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.launched: list[Launch] = []
        self.ended: list[str] = []
        self.error: Exception | None = None

    def launch(self, launch: Launch) -> None:
        self.go.wait(10)
        self.launched.append(launch)
        if self.error:
            raise self.error

    def terminate(self, instance: str) -> None:
        self.ended.append(instance)

    def act(self, instance: str, action: str) -> None:
        self.ended.append(f"{action} {instance}")


@pytest.fixture(scope="module")
def compute(connect: Connect) -> Any:
    return connect(ComputeClient)


@pytest.fixture(scope="module")
def network(connect: Connect) -> Any:
    return connect(VirtualNetworkClient)


@pytest.fixture(scope="module")
def subnet(region: Region, network: Any) -> Any:
    vcn = network.create_vcn(
        models.CreateVcnDetails(compartment_id=region.compartment, cidr_block="10.0.0.0/16", dns_label="sim")
    ).data
    details = models.CreateSubnetDetails(
        compartment_id=region.compartment,
        vcn_id=vcn.id,
        cidr_block="10.0.1.0/24",
        dns_label="app",
        prohibit_public_ip_on_vnic=True,
    )
    return network.create_subnet(details).data


@pytest.fixture(scope="module")
def image(region: Region, tmp_path_factory: pytest.TempPathFactory) -> str:
    content = tmp_path_factory.mktemp("image")
    images = region.infrastructure.compute.images
    return str(images.add("golden", compartment=region.compartment, content=content).id)


@pytest.fixture
def details(region: Region, subnet: Any, image: str) -> Any:
    return models.LaunchInstanceDetails(
        compartment_id=region.compartment,
        availability_domain=region.infrastructure.places.availability_domains[0],
        display_name="app",
        shape=SHAPE,
        shape_config=models.LaunchInstanceShapeConfigDetails(ocpus=1, memory_in_gbs=8),
        source_details=models.InstanceSourceViaImageDetails(image_id=image),
        create_vnic_details=models.CreateVnicDetails(subnet_id=subnet.id),
        metadata={"database_host": "db"},
    )


@pytest.fixture
def machines(region: Region) -> Any:
    plugged = Plugged()
    instances = region.infrastructure.compute.instances
    instances.machines = plugged
    yield plugged
    plugged.go.set()
    instances.join()
    instances.machines = NoMachines()


def test_a_refused_launch_is_refused_again_when_it_is_repeated(
    compute: Any, details: Any, subnet: Any
) -> None:
    details.create_vnic_details = models.CreateVnicDetails(subnet_id=subnet.id, hostname_label="one")
    first = compute.launch_instance(details).data
    for _ in range(2):
        with pytest.raises(ServiceError, match=r"(?s)409.*hostnameLabel one is in use"):
            compute.launch_instance(details, opc_retry_token="again")
    assert [each.id for each in compute.list_instances(details.compartment_id).data] == [first.id]
    compute.terminate_instance(first.id)


def test_an_instance_has_what_its_launch_asked_for(
    region: Region, compute: Any, network: Any, connect: Connect, details: Any, subnet: Any
) -> None:
    launched = compute.launch_instance(details)
    instance = compute.get_instance(launched.data.id).data
    assert (instance.lifecycle_state, instance.shape_config.memory_in_gbs) == ("RUNNING", 8)
    work = connect(WorkRequestClient).get_work_request(launched.headers["opc-work-request-id"]).data
    assert (work.status, work.resources[0].action_type) == ("SUCCEEDED", "CREATED")
    (attachment,) = compute.list_vnic_attachments(region.compartment, instance_id=instance.id).data
    vnic = network.get_vnic(attachment.vnic_id).data
    assert (vnic.is_primary, vnic.public_ip, vnic.private_ip[:7]) == (True, None, "10.0.1.")
    (boot,) = compute.list_boot_volume_attachments(
        instance.availability_domain, region.compartment, instance_id=instance.id
    ).data
    volumes = connect(BlockstorageClient)
    assert volumes.get_boot_volume(boot.boot_volume_id).data.size_in_gbs == 50
    shown = region.metadata.find(instance.id)
    assert shown
    assert (shown.address, shown.metadata) == (vnic.private_ip, {"database_host": "db"})
    with pytest.raises(ServiceError, match=r"(?s)409.*in use"):
        network.delete_subnet(subnet.id)

    compute.update_instance(instance.id, models.UpdateInstanceDetails(metadata={"database_host": "other"}))
    changed = region.metadata.find(instance.id)
    assert changed
    assert changed.metadata == {"database_host": "other"}
    with pytest.raises(ServiceError, match="user_data cannot be changed"):
        compute.update_instance(instance.id, models.UpdateInstanceDetails(metadata={"user_data": "x"}))

    compute.terminate_instance(instance.id)
    assert compute.get_instance(instance.id).data.lifecycle_state == "TERMINATED"
    assert region.metadata.find(instance.id) is None
    assert compute.list_vnic_attachments(region.compartment, instance_id=instance.id).data == []


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("availability_domain", "elsewhere", "body.availabilityDomain must be one of"),
        ("shape", "VM.Huge", "body.shape must be a shape"),
        ("shape_config", None, "shapeConfig.ocpus is required"),
        ("metadata", {"key": "x" * 32_000}, "32000 bytes"),
        ("fault_domain", "FAULT-DOMAIN-9", "body.faultDomain must be one of"),
    ],
)
def test_a_launch_is_checked(compute: Any, details: Any, field: str, value: Any, words: str) -> None:
    setattr(details, field, value)
    with pytest.raises(ServiceError, match=f"(?s)400.*{words}"):
        compute.launch_instance(details)


def test_an_image_that_is_not_there_cannot_be_launched(compute: Any, details: Any) -> None:
    details.source_details.image_id = "ocid1.image.oc99.sim-1.0"
    with pytest.raises(ServiceError, match=r"(?s)404.*was not found"):
        compute.launch_instance(details)


def test_a_full_availability_domain_says_so_before_and_at_the_launch(
    region: Region, compute: Any, details: Any
) -> None:
    places = region.infrastructure.places
    full, unfit, free = places.availability_domains
    places.out_of_capacity.add((full, SHAPE))
    places.not_offered.add((unfit, SHAPE))

    def status(domain: str) -> str:
        asked = models.CreateCapacityReportShapeAvailabilityDetails(instance_shape=SHAPE)
        report = compute.create_compute_capacity_report(
            models.CreateComputeCapacityReportDetails(
                compartment_id=region.tenancy, availability_domain=domain, shape_availabilities=[asked]
            )
        ).data
        return str(report.shape_availabilities[0].availability_status)

    try:
        assert [status(each) for each in (full, unfit, free)] == [
            "OUT_OF_HOST_CAPACITY",
            "HARDWARE_NOT_SUPPORTED",
            "AVAILABLE",
        ]
        shapes = compute.list_shapes(region.compartment, availability_domain=unfit).data
        assert SHAPE not in [each.shape for each in shapes]
        with pytest.raises(ServiceError, match=r"(?s)500.*Out of host capacity"):
            compute.launch_instance(details)
    finally:
        places.out_of_capacity.clear()
        places.not_offered.clear()


def test_an_instance_runs_when_its_machine_does(
    region: Region, compute: Any, details: Any, machines: Any, image: str
) -> None:
    instance = compute.launch_instance(details).data
    assert compute.get_instance(instance.id).data.lifecycle_state == "PROVISIONING"
    machines.go.set()
    region.infrastructure.compute.instances.join()
    assert compute.get_instance(instance.id).data.lifecycle_state == "RUNNING"
    (launch,) = machines.launched
    assert launch.content == region.infrastructure.compute.images.contents[image]
    assert launch.metadata == {"database_host": "db"}
    other = region.infrastructure.compute.images.add("newer", compartment=region.compartment)
    source = models.UpdateInstanceSourceViaImageDetails(image_id=other.id)
    compute.update_instance(instance.id, models.UpdateInstanceDetails(source_details=source))
    region.infrastructure.compute.instances.join()
    assert compute.get_instance(instance.id).data.lifecycle_state == "RUNNING"
    assert (machines.launched[1].image, machines.launched[1].address) == (other.id, launch.address)
    assert machines.ended == [instance.id]
    machines.ended.clear()

    compute.instance_action(instance.id, "STOP")
    region.infrastructure.compute.instances.join()
    assert compute.get_instance(instance.id).data.lifecycle_state == "STOPPED"
    with pytest.raises(ServiceError, match=r"(?s)409.*STOP needs RUNNING"):
        compute.instance_action(instance.id, "STOP")
    compute.terminate_instance(instance.id)
    region.infrastructure.compute.instances.join()
    assert machines.ended == [f"STOP {instance.id}", instance.id]


def test_an_instance_whose_machine_does_not_boot_is_terminated(
    region: Region, compute: Any, details: Any, machines: Any
) -> None:
    machines.error = OSError("no such disk")
    machines.go.set()
    instance = compute.launch_instance(details).data
    region.infrastructure.compute.instances.join()
    assert compute.get_instance(instance.id).data.lifecycle_state == "TERMINATED"
    assert str(region.infrastructure.compute.instances.failures[instance.id]) == "no such disk"


def test_an_image_is_imported_from_a_bucket_and_captured_from_an_instance(
    region: Region, compute: Any, storage: Any, details: Any
) -> None:
    bucket = region.object_storage.store.create("images", region.compartment, "test")
    storage.put_object(region.namespace, bucket.name, "golden.tar", b"tar")
    source = models.ImageSourceViaObjectStorageTupleDetails(
        namespace_name=region.namespace, bucket_name=bucket.name, object_name="golden.tar"
    )
    wanted = models.CreateImageDetails(
        compartment_id=region.compartment,
        display_name="imported",
        image_source_details=source,
        freeform_tags={"role": "mlflow"},
    )
    image = compute.create_image(wanted).data
    assert image.lifecycle_state == "IMPORTING"
    assert compute.get_image(image.id).data.lifecycle_state == "AVAILABLE"
    content = region.infrastructure.compute.images.contents[image.id]
    assert Path(content).read_bytes() == b"tar"
    found = compute.list_images(region.compartment, display_name="imported").data
    assert [each.freeform_tags for each in found] == [{"role": "mlflow"}]
    source.object_name = "nothing.tar"
    with pytest.raises(ServiceError, match=r"nothing\.tar was not found"):
        compute.create_image(wanted)

    instance = compute.launch_instance(details).data
    compute.get_instance(instance.id)
    captured = compute.create_image(
        models.CreateImageDetails(
            compartment_id=region.compartment, instance_id=instance.id, display_name="captured"
        )
    ).data
    assert captured.base_image_id == details.source_details.image_id
    compute.terminate_instance(instance.id)
    compute.delete_image(captured.id)
    assert captured.id not in [each.id for each in compute.list_images(region.compartment).data]


def test_packer_finds_and_changes_the_capabilities_of_an_image(
    region: Region, compute: Any, image: str
) -> None:
    assert compute.list_compute_image_capability_schemas(image_id=image).data == []
    (schema,) = compute.list_compute_global_image_capability_schemas().data
    version = compute.get_compute_global_image_capability_schema_version(
        schema.id, schema.current_version_name
    ).data
    compute.create_compute_image_capability_schema(
        models.CreateComputeImageCapabilitySchemaDetails(
            compartment_id=region.compartment,
            image_id=image,
            compute_global_image_capability_schema_version_name=version.name,
            schema_data=version.schema_data,
        )
    )
    (made,) = compute.list_compute_image_capability_schemas(image_id=image).data
    changed = compute.update_compute_image_capability_schema(
        made.id, models.UpdateComputeImageCapabilitySchemaDetails(freeform_tags={"a": "b"})
    ).data
    assert changed.freeform_tags == {"a": "b"}
