import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "react-router";

import { imageQuery } from "../../api/queries";
import { CloseLook } from "./CloseLook";
import { CropDialog } from "./CropDialog";
import styles from "./closeLook.module.css";

/** The page after an upload: the picture comes into focus, then how close it is. */
export default function CloseLookPage() {
  const { imageId = "" } = useParams();
  const navigate = useNavigate();
  const { data: image } = useQuery(imageQuery(imageId));
  return (
    <div className={styles.page}>
      <nav className={styles.crumbs} aria-label="Where you are">
        <Link to="/pictures">Pictures</Link> / <span aria-current="page">{image?.name ?? ""}</span>
      </nav>
      <CloseLook imageId={imageId} onEdit={() => void navigate(`/pictures/${imageId}`)} />
      <CropDialog />
    </div>
  );
}
